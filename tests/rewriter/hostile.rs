//! Broken and hostile files: an error or a network that runs, never a panic of ours.
//!
//! tract asserts in places what a broken file can violate; `Network` catches those panics and makes errors of
//! them. A panic whose place is in this crate fails the test, whoever catches it.

use super::lpn::Member;
use super::{input, options, spec};
use posed::infer::Network;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use tract_onnx::pb::*;

/// Seconds that no network may take.
const WATCH_S: u64 = 120;

thread_local! {
    /// Where this crate panicked on this thread.
    static OURS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes panics of this crate, and keeps the caught ones of others from being printed.
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

/// Loads the file and, if it is a network, runs it; what broke, if something of ours did.
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

/// One thing wrong at a time, each of which must be refused or left to tract, not believed.
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
    // Every fifth of each kind: the graph repeats itself.
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
fn a_scale_that_is_no_scale_is_refused_by_name() {
    let member = Member::tiny();
    let mut model = member.model();
    let graph = model.graph.as_mut().unwrap();
    let quantize = graph.node.iter().position(|n| n.op_type == "QuantizeLinear").unwrap();
    let scale = graph.node[quantize].input[1].clone();
    graph.initializer.iter_mut().find(|t| t.name == scale).unwrap().raw_data =
        f32::NAN.to_le_bytes().to_vec();
    let bytes = prost::Message::encode_to_vec(&model);
    let Err(e) = Network::from_bytes(&bytes, &spec(member.size), &options("generic", 1, 1)) else {
        panic!("a NaN was taken for a scale")
    };
    assert!(e.to_string().contains("scale is not finite and positive"), "{e}");
}

/// Paddings make pixels that the file need not hold: a few bytes that ask for all memory.
#[test]
fn a_network_that_no_memory_holds_is_refused_before_it_is_made() {
    let member = Member { widths: [512; 4], ..Member::tiny() };
    for (padding, why) in [(4096, "pads = 4096"), (256, "needs more than 1073741824 bytes")] {
        let mut model = member.model();
        let graph = model.graph.as_mut().unwrap();
        // Up to the doubling layers, whose shapes tract cannot always work out.
        let last = graph.node.iter().rposition(|n| n.op_type == "Add").unwrap();
        graph.node.truncate(last + 1);
        graph.output[0].name = graph.node[last].output[0].clone();
        for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute).filter(|a| a.name == "pads") {
            attribute.ints.fill(padding);
        }
        let bytes = prost::Message::encode_to_vec(&model);
        let Err(e) = Network::from_bytes(&bytes, &spec(member.size), &options("generic", 1, 1)) else {
            panic!("paddings of {padding} were made")
        };
        assert!(e.to_string().contains(why), "{e}");
    }
}

/// Changes the structure of valid files at random, for `POSED_FUZZ_SECONDS` (3) from `POSED_FUZZ_SEED` (1) on.
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
        // What ends the process cannot say which network did.
        std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz-seed"), seed.to_string()).unwrap();
        let watch = Watch::new(seed);
        let survived = survive(&bytes, members[which].size);
        drop(watch);
        match survived {
            Ok(runs) => ran += u64::from(runs),
            Err(e) => panic!("POSED_FUZZ_SEED={seed}: {e}"),
        }
        tried += 1;
    }
    eprintln!("{tried} networks from seed {first}, {ran} of them ran");
    assert!(tried > 0 && (ran > 0 || tried < 20), "none of {tried} mutated networks ran: they test little");
}

/// Ends the process with the seed when one network takes minutes: a hang would name nothing.
struct Watch(#[allow(dead_code, reason = "its end is what is waited for")] std::sync::mpsc::SyncSender<()>);

impl Watch {
    fn new(seed: u64) -> Watch {
        let (over, rest) = std::sync::mpsc::sync_channel(0);
        std::thread::spawn(move || {
            if rest.recv_timeout(Duration::from_secs(WATCH_S))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                eprintln!("POSED_FUZZ_SEED={seed}: no end after {WATCH_S} s");
                std::process::exit(1);
            }
        });
        Watch(over)
    }
}

/// One change of a graph's structure.
fn mutate(graph: &mut GraphProto, rng: &mut fastrand::Rng) {
    let (n, t) = (rng.usize(..graph.node.len()), rng.usize(..graph.initializer.len()));
    let numbers = [0, 1, -1, 2, 3, 7, 16, 17, 255, 4096, 1 << 20, i64::from(i32::MAX), i64::MAX, i64::MIN];
    let number = numbers[rng.usize(..numbers.len())];
    let anything = |rng: &mut fastrand::Rng, graph: &GraphProto| match rng.u8(..8) {
        0 => "nothing".to_owned(),
        1..=3 => graph.initializer[rng.usize(..graph.initializer.len())].name.clone(),
        _ => graph.node[rng.usize(..graph.node.len())].output[0].clone(),
    };
    match rng.u8(..12) {
        0 | 1 => change_tensor(&mut graph.initializer[t], number, rng),
        2 => {
            let name = anything(rng, graph);
            let inputs = &mut graph.node[n].input;
            let at = rng.usize(..inputs.len().max(1));
            if let Some(input) = inputs.get_mut(at) {
                *input = name;
            }
        }
        3 => {
            graph.node[n].input.pop();
        }
        4 => {
            let name = anything(rng, graph);
            graph.node[n].input.push(name);
        }
        5 => {
            let other = rng.usize(..graph.node.len());
            graph.node[n].op_type = graph.node[other].op_type.clone();
        }
        6 => {
            let kinds = [
                "Sigmoid",
                "Neg",
                "Mul",
                "Sub",
                "Div",
                "Relu",
                "Clip",
                "Concat",
                "GlobalAveragePool",
                "Loop",
                "Pad",
                "Expand",
                "Tile",
                "Resize",
                "Xyz",
            ];
            graph.node[n].op_type = kinds[rng.usize(..kinds.len())].into();
        }
        7 | 8 => {
            let attributes = &mut graph.node[n].attribute;
            if attributes.is_empty() {
                return;
            }
            let a = rng.usize(..attributes.len());
            match (rng.u8(..4), attributes[a].ints.len()) {
                (0, _) => {
                    attributes.swap_remove(a);
                }
                (1, _) => attributes[a].ints.push(number),
                (_, 0) => attributes[a].i = number,
                (_, len) => attributes[a].ints[rng.usize(..len)] = number,
            }
        }
        9 => {
            graph.node.remove(n);
        }
        10 => {
            let mut copy = graph.node[n].clone();
            if rng.bool() {
                copy.name.push('b');
            }
            graph.node.push(copy);
        }
        _ => {
            let other = rng.usize(..graph.initializer.len());
            let name = graph.initializer[other].name.clone();
            graph.initializer[other].name = std::mem::replace(&mut graph.initializer[t].name, name);
        }
    }
}

fn change_tensor(tensor: &mut TensorProto, number: i64, rng: &mut fastrand::Rng) {
    let floats = [f32::NAN, f32::INFINITY, 0.0, -1.0, 1e-38, 1e-45, 3e38, 1.0];
    match rng.u8(..6) {
        0 => match tensor.dims.len() {
            0 => tensor.dims.push(number),
            len => tensor.dims[rng.usize(..len)] = number,
        },
        1 => tensor.data_type = rng.i32(0..17),
        2 => tensor.raw_data.truncate(rng.usize(..=tensor.raw_data.len())),
        3 => tensor.dims.reverse(),
        4 if tensor.data_type == 1 && tensor.raw_data.len() >= 4 => {
            let at = rng.usize(..tensor.raw_data.len() / 4) * 4;
            tensor.raw_data[at..at + 4].copy_from_slice(&floats[rng.usize(..floats.len())].to_le_bytes());
        }
        _ => {
            for _ in 0..4 {
                let at = rng.usize(..tensor.raw_data.len().max(1));
                if let Some(byte) = tensor.raw_data.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
        }
    }
}
