//! Broken and hostile files: each is an error or a network that runs. None makes this crate panic.
//!
//! A broken file can violate tract's assertions; `Network` turns those panics into errors. A panic
//! in this crate fails the test, even if it is caught.

use super::lpn::Member;
use super::mutate::mutate;
use super::{input, options, spec};
use posed::infer::Network;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// A network that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(120);

thread_local! {
    /// The last panic of this crate on this thread.
    static OURS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Records panics of this crate. Prints only those of the tests: tract's are expected.
fn watch_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
            if place.starts_with("src/") {
                OURS.with_borrow_mut(|o| *o = Some(format!("{place}: {info}")));
            } else if place.starts_with("tests/") {
                print(info);
            }
        }));
    });
}

/// Loads `bytes` and runs the network once. Returns whether it ran, or the panic of this crate.
fn survive(bytes: &[u8], size: (usize, usize)) -> Result<bool, String> {
    OURS.set(None);
    let loaded = Network::from_bytes(bytes, &spec(size), &options(posed::kernels::Isa::best().name(), 1, 1));
    let mut runs = false;
    if let Ok(mut net) = loaded {
        let input = input(&net, 1, size);
        runs = net.run(&input, 1).is_ok();
    }
    OURS.take().map_or(Ok(runs), Err)
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    watch_panics();
    let member = Member::tiny();
    let bytes = member.bytes();
    for cut in (0..64).map(|i| bytes.len() * i / 64) {
        assert_eq!(survive(&bytes[..cut], member.size), Ok(false), "cut at {cut}");
    }
    assert_eq!(survive(&bytes, member.size), Ok(true));
}

/// One wrong value at a time. Each must be refused or left to tract.
#[test]
fn values_that_no_quantized_network_has_are_survived() {
    watch_panics();
    let member = Member::tiny();
    let model = member.model();
    let float = |v: f32| v.to_le_bytes().to_vec();
    let graph = model.graph.as_ref().unwrap();
    let all = |data_type: i32| {
        (0..graph.initializer.len()).filter(move |i| graph.initializer[*i].data_type == data_type)
    };
    // The graph repeats itself, so a sample of its tensors is enough.
    for i in all(1).step_by(5) {
        for v in
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, -1.0, f32::MAX, f32::MIN_POSITIVE, 1e-45]
        {
            let mut model = model.clone();
            let tensor = &mut model.graph.as_mut().unwrap().initializer[i];
            let n = tensor.raw_data.len();
            tensor.raw_data = float(v).into_iter().cycle().take(n).collect();
            survive(&prost::Message::encode_to_vec(&model), member.size)
                .unwrap_or_else(|e| panic!("{v} in {i}: {e}"));
        }
    }
    let zero_points = all(2).chain(all(3)).filter(|i| graph.initializer[*i].raw_data.len() == 1);
    for i in zero_points.step_by(7) {
        for data_type in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13] {
            let mut model = model.clone();
            let tensor = &mut model.graph.as_mut().unwrap().initializer[i];
            (tensor.data_type, tensor.raw_data) = (data_type, vec![0xfe; 8]);
            survive(&prost::Message::encode_to_vec(&model), member.size)
                .unwrap_or_else(|e| panic!("{data_type} in {i}: {e}"));
        }
    }
}

#[test]
fn a_scale_of_nan_is_refused_by_name() {
    let member = Member::tiny();
    let mut model = member.model();
    let graph = model.graph.as_mut().unwrap();
    let quantize = graph.node.iter().position(|n| n.op_type == "QuantizeLinear").unwrap();
    let scale = graph.node[quantize].input[1].clone();
    graph.initializer.iter_mut().find(|t| t.name == scale).unwrap().raw_data =
        f32::NAN.to_le_bytes().to_vec();
    let bytes = prost::Message::encode_to_vec(&model);
    let Err(e) = Network::from_bytes(&bytes, &spec(member.size), &options("generic", 1, 1)) else {
        panic!("a scale of NaN was accepted")
    };
    assert!(e.to_string().contains("scale is not finite and positive"), "{e}");
}

/// A few bytes of padding attributes can request any amount of memory.
#[test]
fn a_network_too_large_for_memory_is_refused_before_it_is_built() {
    let member = Member { widths: [512; 4], ..Member::tiny() };
    for (padding, why) in [(4096, "pads = 4096"), (256, "needs more than 1073741824 bytes")] {
        let mut model = member.model();
        let graph = model.graph.as_mut().unwrap();
        // Without the doubling layers: tract cannot always infer their shapes.
        let last = graph.node.iter().rposition(|n| n.op_type == "Add").unwrap();
        graph.node.truncate(last + 1);
        graph.output[0].name = graph.node[last].output[0].clone();
        for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute).filter(|a| a.name == "pads") {
            attribute.ints.fill(padding);
        }
        let bytes = prost::Message::encode_to_vec(&model);
        let Err(e) = Network::from_bytes(&bytes, &spec(member.size), &options("generic", 1, 1)) else {
            panic!("a padding of {padding} was accepted")
        };
        assert!(e.to_string().contains(why), "{e}");
    }
}

/// Changes valid files at random for `POSED_FUZZ_SECONDS` (default 3). The first one has the seed
/// `POSED_FUZZ_SEED` (default 1), each further one the next seed.
#[test]
#[allow(clippy::disallowed_methods, reason = "fuzzing is limited by real time")]
fn mutated_networks_are_survived() {
    watch_panics();
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let limit = Duration::from_secs(number("POSED_FUZZ_SECONDS").unwrap_or(3));
    let (began, first) = (Instant::now(), number("POSED_FUZZ_SEED").unwrap_or(1));
    let members = [Member::tiny(), Member { stranger: Some("Tanh"), widths: [16; 4], ..Member::tiny() }];
    let models = members.each_ref().map(Member::model);
    let (mut tried, mut ran) = (0u64, 0u64);
    while began.elapsed() < limit {
        let seed = first + tried;
        let rng = &mut fastrand::Rng::with_seed(seed);
        let which = rng.usize(..models.len());
        let mut model = models[which].clone();
        for _ in 0..=rng.usize(..3) {
            mutate(model.graph.as_mut().unwrap(), rng);
        }
        let mut bytes = prost::Message::encode_to_vec(&model);
        if rng.u8(..8) == 0 {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
        }
        // If the process dies (out of memory), this file still names the network.
        std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz-seed"), seed.to_string()).unwrap();
        let watch = HangGuard::new(seed);
        let survived = survive(&bytes, members[which].size);
        drop(watch);
        match survived {
            Ok(runs) => ran += u64::from(runs),
            Err(e) => panic!("POSED_FUZZ_SEED={seed}: {e}"),
        }
        tried += 1;
    }
    eprintln!("{tried} networks from seed {first} on; {ran} of them ran");
    assert!(
        tried > 0 && (ran > 0 || tried < 20),
        "none of {tried} mutated networks ran: the mutations are too strong to test anything"
    );
}

/// Ends the process with the seed's name if a network takes longer than [`HANG`].
struct HangGuard(#[allow(dead_code, reason = "dropping it ends the wait")] std::sync::mpsc::SyncSender<()>);

impl HangGuard {
    fn new(seed: u64) -> HangGuard {
        let (over, rest) = std::sync::mpsc::sync_channel(0);
        std::thread::spawn(move || {
            if rest.recv_timeout(HANG) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("POSED_FUZZ_SEED={seed}: still running after {HANG:?}");
                std::process::exit(1);
            }
        });
        HangGuard(over)
    }
}
