//! RTSP cameras in processes of their own, which spoil their stream on command.

use crate::common::{free_port, signal};
use gstreamer_rtsp_server::{self as server, gst, prelude::*};
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const SPEC: &str = "POSED_FAULTS_CAMERA";

/// What is done to the stream.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Harm {
    None = b'n',
    /// Bytes of the payload are flipped.
    Garbage = b'g',
    /// One packet in twenty is missing.
    Loss = b'l',
    /// Neighbouring packets change places.
    Disorder = b'd',
    /// RTP time stamps are half a minute behind.
    Backwards = b'b',
    /// Key frames are missing.
    NoKeyFrames = b'k',
}

impl Harm {
    fn of(byte: u8) -> Harm {
        let all = [Harm::Garbage, Harm::Loss, Harm::Disorder, Harm::Backwards, Harm::NoKeyFrames];
        all.into_iter().find(|harm| *harm as u8 == byte).unwrap_or(Harm::None)
    }
}

/// H.264 of this size and rate, a key frame a second.
pub fn h264(width: u32, height: u32, fps: u32) -> String {
    format!("( {} name=pay0 pt=96 )", branch(width, height, fps))
}

fn branch(width: u32, height: u32, fps: u32) -> String {
    format!(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
         ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} bitrate=800 ! rtph264pay config-interval=-1"
    )
}

pub fn two_videos() -> String {
    format!("( {} name=pay0 pt=96 {} name=pay1 pt=97 )", branch(320, 240, 15), branch(160, 120, 15))
}

pub fn mjpeg(width: u32, height: u32) -> String {
    format!(
        "( videotestsrc is-live=true ! video/x-raw,format=I420,width={width},height={height},framerate=10/1 \
         ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
    )
}

pub fn sound_only() -> String {
    "( audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay0 pt=8 )".into()
}

/// Killed when dropped.
pub struct Camera {
    pub port: u16,
    child: Child,
}

impl Camera {
    pub fn start(launch: &str) -> Camera {
        Camera::on(free_port(), launch)
    }

    /// Starts its process on `port`, and waits until it listens.
    pub fn on(port: u16, launch: &str) -> Camera {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["cameras::camera_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(SPEC, format!("{port}|{launch}"))
            // Warnings of the camera are no fault of the daemon.
            .env_remove("G_DEBUG")
            // Closed when this process ends, whatever ends it: so does the camera, then.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("listening")), "the camera does not start");
        Camera { port, child }
    }

    pub fn harm(&mut self, harm: Harm) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(&[harm as u8, b'\n']).unwrap();
        stdin.flush().unwrap();
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what [`Camera::on`] runs.
#[test]
fn camera_process() {
    let Ok(spec) = std::env::var(SPEC) else { return };
    let (port, launch) = spec.split_once('|').unwrap();
    gst::init().unwrap();
    let server = server::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(port);
    let factory = server::RTSPMediaFactory::new();
    factory.set_launch(launch);
    factory.set_shared(true);
    let harm = Arc::new(AtomicU8::new(Harm::None as u8));
    let shared = harm.clone();
    factory.connect_media_configure(move |_, media| spoil(&media.element(), &shared));
    server.mount_points().unwrap().add_factory("/live", factory);
    let _attached = server.attach(None).unwrap();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            harm.store(line.bytes().next().unwrap_or_default(), Ordering::SeqCst);
        }
        std::process::exit(0);
    });
    println!("listening");
    gst::glib::MainLoop::new(None, false).run();
}

/// Puts probes around the payloader.
fn spoil(media: &gst::Element, harm: &Arc<AtomicU8>) {
    let Some(pay) = media.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("pay0")) else { return };
    let shared = harm.clone();
    pay.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let key = info.buffer().is_some_and(|buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
        let missing = key && Harm::of(shared.load(Ordering::SeqCst)) == Harm::NoKeyFrames;
        if missing { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
    });
    let shared = harm.clone();
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pay.static_pad("src").unwrap().add_probe(types, move |_, info| {
        let harm = Harm::of(shared.load(Ordering::SeqCst));
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => match spoil_packet(harm, buffer) {
                ControlFlow::Continue(()) => gst::PadProbeReturn::Ok,
                ControlFlow::Break(()) => gst::PadProbeReturn::Drop,
            },
            Some(gst::PadProbeData::BufferList(list)) => {
                *list = spoil_packets(harm, list);
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

fn spoil_packets(harm: Harm, list: &gst::BufferList) -> gst::BufferList {
    let mut packets: Vec<gst::Buffer> = list.iter_owned().collect();
    packets.retain_mut(|packet| spoil_packet(harm, packet).is_continue());
    if harm == Harm::Disorder {
        packets.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
    packets.into_iter().collect()
}

/// Break: the packet is lost.
fn spoil_packet(harm: Harm, packet: &mut gst::Buffer) -> ControlFlow<()> {
    if harm == Harm::Loss && fastrand::u8(..20) == 0 {
        return ControlFlow::Break(());
    }
    if !matches!(harm, Harm::Garbage | Harm::Backwards) {
        return ControlFlow::Continue(());
    }
    let Ok(mut map) = packet.make_mut().map_writable() else { return ControlFlow::Continue(()) };
    // RTP: twelve bytes of header, with the time stamp in bytes 4 to 7 (90 kHz).
    if let (Harm::Backwards, Some(stamp)) = (harm, map.get_mut(4..8)) {
        let time = u32::from_be_bytes([stamp[0], stamp[1], stamp[2], stamp[3]]);
        stamp.copy_from_slice(&time.wrapping_sub(30 * 90_000).to_be_bytes());
    } else if let Some(payload) = map.get_mut(12..) {
        for _ in 0..=payload.len() / 50 {
            let at = fastrand::usize(..payload.len().max(1));
            if let Some(byte) = payload.get_mut(at) {
                *byte = fastrand::u8(..);
            }
        }
    }
    ControlFlow::Continue(())
}
