//! An ONNX file from elsewhere. `make fuzz` mutates networks by their structure; here are bytes.

use posed::infer::{Channels, InputBuffer, InputSpec, Network, NetworkOptions};
use std::sync::Once;

/// A network that is taken also runs. Panics of tract are turned into errors; ours are findings.
pub fn onnx(data: &[u8]) {
    watch_panics();
    let (mean, std) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);
    let spec = InputSpec { name: "input".into(), height: 64, width: 48, channels: Channels::Bgr, mean, std };
    let options = NetworkOptions { kernels: None, threads: 1, max_batch: 1 };
    let Ok(mut network) = Network::from_bytes(data, &spec, &options) else { return };
    let mut input = network.new_input();
    match &mut input {
        InputBuffer::Quantized(values) => values.iter_mut().for_each(|value| *value = fastrand::u8(..)),
        InputBuffer::Float(values) => values.iter_mut().for_each(|value| *value = fastrand::f32()),
    }
    if let Ok(output) = network.run(&input, 1) {
        assert!(!output.is_empty());
    }
}

/// libFuzzer ends the process at every panic, also at those that are caught.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", |place| place.file());
            let foreign = file.contains("/registry/") || file.contains("/rustc/");
            if !foreign {
                report(info);
            }
        }));
    });
}
