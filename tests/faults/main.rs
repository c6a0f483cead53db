//! Faults on purpose: each row breaks one thing under the real binary, with a real broker, real
//! cameras and real files, and counts messages. `docs/faults.md` shows the table.
//!
//! The quick rows run in `make test`, all of them in `make test-faults`. `POSED_FAULTS_SEED`
//! chooses the moments of the faults; a failure prints the line that repeats it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests wait for processes, and may fail"
)]

mod broker_faults;
mod camera_faults;
mod cameras;
mod cgroup;
mod clock_faults;
#[path = "../common/mod.rs"]
mod common;
mod disk_faults;
mod ledger;
mod namespace;
mod network_faults;
mod process_faults;
mod proxy;
mod reports;
mod rig;
#[path = "../capture/skew.rs"]
mod skew;
mod trial;
#[allow(dead_code, reason = "the tests of capture use the rest")]
#[path = "../capture/web.rs"]
mod web;

use trial::{Trial, skipped};

/// One row of the table.
struct Fault {
    number: u32,
    name: &'static str,
    fault: &'static str,
    promise: &'static str,
    how: &'static str,
}

macro_rules! faults {
    ($($(#[$mark:meta])* $number:literal $module:ident::$name:ident: $fault:literal, $promise:literal, $how:literal;)*) => {
        const FAULTS: &[Fault] = &[$(Fault {
            number: $number,
            name: stringify!($name),
            fault: $fault,
            promise: $promise,
            how: $how,
        }),*];
        $(
            #[test]
            $(#[$mark])*
            fn $name() {
                $module::$name(&mut Trial::new(stringify!($name), $number));
            }
        )*
    };
}

faults! {
    1 broker_faults::broker_killed: "broker killed",
        "poses flow again after its return; every frame is published or counted; nothing comes twice", "SIGKILL, start on the same port";
    #[ignore = "slow"]
    2 broker_faults::broker_paused: "broker paused for longer than the keep-alive",
        "poses flow again; no thread, file or memory stays behind", "SIGSTOP, SIGCONT";
    #[ignore = "slow"]
    3 network_faults::broker_slow: "broker slower than the cameras",
        "old poses are dropped and counted as overflow; the connection holds; ages stay below 10 s; states and events arrive", "tc tbf at 64 kbit/s on loopback, in a network namespace";
    #[ignore = "slow"]
    4 broker_faults::broker_full: "a subscriber that does not read fills the broker's queue",
        "other subscribers get every message", "SIGSTOP on mosquitto_sub, max_queued_messages 100";
    5 broker_faults::broker_refuses_login: "broker refuses the login",
        "said once with a remedy; a corrected password file needs no restart", "password_file of mosquitto, wrong and then right";
    #[ignore = "slow"]
    6 broker_faults::broker_forbids_publishing: "ACL that allows the login and forbids publishing",
        "posed says so in its log", "acl_file without a write rule";
    #[ignore = "slow"]
    7 broker_faults::broker_has_no_room: "broker takes no more connections",
        "poses flow once there is room", "max_connections 2, held by others";
    #[ignore = "slow"]
    8 broker_faults::broker_limits_packets: "broker rejects long packets",
        "poses flow; the message that is too long is named", "max_packet_size 4000: the schema is longer";
    #[ignore = "slow"]
    9 broker_faults::broker_keeps_its_database: "broker restarted with its database",
        "poses flow; the retained states are the newest", "persistence true, SIGTERM, start";
    10 broker_faults::broker_loses_its_database: "broker restarted without its database",
        "schema, availability and every state are there again", "persistence false, SIGKILL, start";
    #[ignore = "slow"]
    11 broker_faults::broker_replaced: "another program on the broker's port, then another broker",
        "poses flow at the other broker", "a listener that answers HTTP, then mosquitto";
    #[ignore = "slow"]
    12 broker_faults::two_clients_with_one_id: "two daemons with one client id",
        "after the second has gone, the first stays connected and available", "a second posed with the same client_id";
    #[ignore = "slow"]
    13 broker_faults::broker_retains_nothing: "broker refuses retained messages",
        "poses flow, or the log names retain", "retain_available false";
    14 broker_faults::broker_says_nothing: "broker accepts connections and never answers",
        "poses flow once it answers", "a relay that swallows all bytes";
    15 camera_faults::camera_killed: "camera killed",
        "the camera is back after its return; others never stop", "SIGKILL on its process, start on the same port";
    #[ignore = "slow"]
    16 camera_faults::camera_frozen: "camera frozen",
        "state says stalled or failed; the camera is back after it thaws", "SIGSTOP, SIGCONT";
    #[ignore = "slow"]
    17 camera_faults::camera_sends_garbage: "camera sends garbage",
        "the process lives; other cameras never stop; back after it sends video again", "2 % of the payload bytes random";
    #[ignore = "slow"]
    18 camera_faults::camera_changes_codec: "camera returns with another codec",
        "the camera is back with the new caps", "H.264, then MJPEG on the same port";
    #[ignore = "slow"]
    19 camera_faults::camera_changes_size: "camera returns with 4K instead of 320x240",
        "messages carry the new size", "3840x2160 at 2 frames a second on the same port";
    #[ignore = "slow"]
    20 camera_faults::camera_changes_rate: "camera returns with one frame in two seconds",
        "the camera stays online with a stall_timeout_ms that allows it", "framerate 1/2 on the same port";
    #[ignore = "slow"]
    21 camera_faults::camera_time_goes_backwards: "camera's time stamps jump back by 30 s, and forth",
        "poses go on; captured_at never goes back; ages stay below 10 s", "RTP time stamps less 2 700 000";
    #[ignore = "slow"]
    22 camera_faults::camera_sends_sound_only: "camera with sound only",
        "state says failed with a reason, which is logged once; other cameras never stop", "an RTSP server with PCMA only";
    #[ignore = "slow"]
    23 camera_faults::camera_sends_no_key_frames: "no key frame for a while",
        "poses are back with the key frames; other cameras never stop", "key frames removed before the payloader";
    #[ignore = "slow"]
    24 camera_faults::camera_sends_two_videos: "camera with two videos",
        "poses of one of them", "an RTSP server with two H.264 streams";
    #[ignore = "slow"]
    25 camera_faults::camera_loses_packets: "5 % of the camera's packets are lost",
        "poses go on; captured_at never goes back", "packets removed after the payloader";
    #[ignore = "slow"]
    26 camera_faults::camera_reorders_packets: "camera's packets arrive out of order",
        "poses go on; captured_at never goes back", "neighbours swapped after the payloader";
    #[ignore = "slow"]
    27 process_faults::process_paused: "process paused for longer than the keep-alive",
        "the broker says offline; afterwards online, and poses flow", "SIGSTOP for 9 s, SIGCONT";
    28 process_faults::fifty_reloads: "fifty SIGHUPs in a second",
        "the last configuration holds; unchanged cameras never restart; no thread or file stays", "cameras added and removed between the signals";
    29 process_faults::process_killed: "kill -9 at a random moment",
        "the broker says offline; the next start is well", "SIGKILL three times, while it starts or runs";
    #[ignore = "slow"]
    30 process_faults::process_killed_fifty_times: "kill -9 at fifty random moments",
        "the next start is always well", "SIGKILL, 0 to 1.5 s after each start";
    #[ignore = "slow"]
    31 process_faults::stages_panic: "each stage panics",
        "the process ends with 70 and the broker says offline; a restart is well", "POSED_PANIC (debug builds)";
    #[ignore = "slow"]
    32 process_faults::stage_hangs: "a stage hangs",
        "the watchdog is no longer fed; a restart is well", "POSED_HANG (debug builds), and a notify socket";
    #[ignore = "slow"]
    33 process_faults::files_run_out: "24 file descriptors for eight cameras",
        "no crash: each camera works or is refused with a reason, or the process ends with a code and a reason", "ulimit -n 24";
    #[ignore = "slow"]
    34 process_faults::memory_runs_out: "the memory limit of the cgroup is reached",
        "it ends, never hangs; a start with more memory is well", "memory.limit_in_bytes of a cgroup (root)";
    #[ignore = "slow"]
    35 process_faults::processor_is_taken: "half of the processor is taken",
        "frames are dropped and counted; ages stay below 10 s", "two loops on the daemon's only core";
    36 process_faults::log_reader_dies: "the log's reader dies",
        "nothing stops; the exit code is 0", "a pipe on stderr, closed; then the broker restarts";
    37 disk_faults::disk_full: "disk full", "poses flow", "a tmpfs of 64 kB, filled (root)";
    #[ignore = "slow"]
    38 disk_faults::disk_read_only: "disk read-only", "poses flow", "a tmpfs that is read-only from the start (root)";
    #[ignore = "slow"]
    39 disk_faults::disk_without_inodes: "disk without inodes", "poses flow", "a tmpfs with four inodes (root)";
    40 disk_faults::state_directory_gone: "no state directory, and one that vanishes",
        "poses flow", "STATE_DIRECTORY removed while it runs";
    41 disk_faults::model_replaced: "a model's files are replaced while it runs",
        "poses flow; the next check refuses the model", "model.onnx truncated and overwritten in place";
    42 disk_faults::temporary_folder_gone: "no /tmp", "poses flow", "TMPDIR names no folder";
    43 disk_faults::configuration_torn: "the configuration is torn or gone at a reload",
        "the old one holds", "half a file, no file, SIGHUP";
    #[ignore = "slow"]
    44 network_faults::network_cut: "network cut", "poses flow within a minute of its return", "loopback down in a network namespace (root)";
    #[ignore = "slow"]
    45 network_faults::network_late: "network late by 400 to 800 ms",
        "poses flow without a reconnect", "a relay before broker and camera";
    #[ignore = "slow"]
    46 network_faults::connections_reset: "connections reset ten times",
        "poses flow; nothing comes twice", "a relay that closes both ends";
    #[ignore = "slow"]
    47 network_faults::network_small_packets: "MTU 576", "poses flow", "loopback's MTU in a network namespace (root)";
    #[ignore = "slow"]
    48 network_faults::names_gone: "the broker's name cannot be resolved for a while",
        "poses flow once it can be", "the hosts file of a mount namespace (root)";
    #[ignore = "slow"]
    49 network_faults::ipv6_only: "IPv6 only", "poses flow", "no IPv4 address in a network namespace (root)";
    50 clock_faults::clock_forward: "clock stepped forward by an hour",
        "poses flow; ages stay below 10 s; captured_at follows the clock", "libfaketime";
    #[ignore = "slow"]
    51 clock_faults::clock_back: "clock stepped back by an hour",
        "poses flow; ages stay below 10 s", "libfaketime";
    #[ignore = "slow"]
    52 clock_faults::clock_in_1970: "clock stepped to 1970",
        "poses flow; ages stay below 10 s", "libfaketime";
    #[ignore = "slow"]
    53 process_faults::frames_panic: "frames of a camera panic",
        "the pipeline is rebuilt each time; no memory stays behind", "POSED_PANIC on GStreamer's thread (debug builds)";
    #[ignore = "slow"]
    54 network_faults::stopped_while_the_broker_is_slow: "stopped while the broker is slower than the cameras",
        "it ends with 0; the last states and availability arrive", "tc tbf at 64 kbit/s on loopback, in a network namespace";
    #[ignore = "slow"]
    55 broker_faults::broker_changes_its_rules: "an access list or a size limit comes while connected, and goes",
        "poses flow once it is gone", "acl_file and message_size_limit changed, SIGHUP to mosquitto";
    #[ignore = "slow"]
    56 disk_faults::disk_slow: "disk so slow that each sync takes 0.3 to 1 s",
        "poses flow with ages below 10 s", "strace delays fsync, rename and unlink";
    #[ignore = "slow"]
    57 disk_faults::temporary_folder_removed: "/tmp removed while it runs", "poses flow, of a new camera too",
        "TMPDIR is removed; a reload adds a camera";
    58 reports::addresses_of_cheap_recorders: "a source whose path holds user and password",
        "check takes it and masks the password", "posed check";
    59 reports::logins_with_unencoded_characters: "a login with unencoded characters",
        "check says how to write it, and does not show it", "posed check";
    60 reports::odd_password_files: "a password file with a BOM, a second line, blanks, or nothing",
        "check says what is odd", "posed check";
    61 reports::wrong_logins: "a camera refuses the login",
        "one login; the reason says what to correct", "an RTSP server that answers 401";
    62 reports::logins_that_gstreamer_lacks: "a camera wants a digest that GStreamer cannot do",
        "the reason says so", "an RTSP server that asks for SHA-256";
    #[ignore = "slow"]
    63 reports::looped_picture: "a picture that loops", "a frame each interval; a quiet log", "a PNG with loop = true";
    #[ignore = "slow"]
    64 reports::clip_on_its_side: "a clip with a turn in its header", "frames are upright", "the matrix in an MP4's header";
    #[ignore = "slow"]
    65 reports::stream_joined_between_key_frames: "a stream joined between key frames",
        "no pose of pictures that lack their beginning; the state says what it waits for", "a key frame in eight seconds, and two daemons";
    #[ignore = "slow"]
    66 reports::camera_that_was_removed: "a camera is removed while the process is dead",
        "its retained state is cleared", "SIGKILL, and a start without the camera";
    #[ignore = "slow"]
    67 reports::camera_whose_clock_is_slow: "a camera whose clock is 5 s slow",
        "one clock for a connection; captured_at never goes back", "a relay that changes RTCP reports";
    #[ignore = "slow"]
    68 reports::camera_with_a_frame_in_eight_seconds: "a camera with a frame in eight seconds",
        "it stays connected", "framerate 1/8";
}

/// The table of the document is this one.
#[test]
fn the_document_lists_every_fault() {
    let text = std::fs::read_to_string(common::root().join("docs/faults.md")).unwrap();
    for Fault { number, name, fault, promise, how } in FAULTS {
        let row = format!("| {number} | `{name}` | {fault} | {promise} | {how} |");
        assert!(text.contains(&row), "docs/faults.md lacks the row\n{row}");
    }
    let is_row = |line: &&str| line.split(" | ").nth(1).is_some_and(|name| name.starts_with('`'));
    let rows = text.lines().filter(is_row).count();
    assert_eq!(rows, FAULTS.len(), "docs/faults.md has a row too many");
}
