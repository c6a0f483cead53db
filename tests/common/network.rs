//! Input of networks that expect B, G, R with ImageNet's mean and standard deviation.

use posed::infer::{Channels, InputBuffer, InputForm, InputSpec, Network};

/// The input of a network for crops of `size` (height, width) px.
pub fn input_spec(size: (usize, usize)) -> InputSpec {
    let (mean, std) = ([103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);
    InputSpec { name: "input".into(), height: size.0, width: size.1, channels: Channels::Bgr, mean, std }
}

/// Puts crops, u8 `[N, height, width, 3]`, into an input buffer of `net`, in the form that it
/// reads.
pub fn input(net: &Network, crops: &[u8], (height, width): (usize, usize)) -> InputBuffer {
    let mut input = net.new_input();
    let plane = height * width;
    for (i, v) in crops.iter().enumerate() {
        let (crop, pixel, channel) = (i / (3 * plane), i / 3 % plane, i % 3);
        match (&mut input, net.input_form()) {
            (InputBuffer::Quantized(x), InputForm::Quantized { lut }) => x[i] = lut[channel][usize::from(*v)],
            (InputBuffer::Float(x), InputForm::Float { lut }) => {
                x[crop * 3 * plane + channel * plane + pixel] = lut[channel][usize::from(*v)];
            }
            _ => panic!("the input buffer is of another form than the network reads"),
        }
    }
    input
}
