//! Lightweight Pose Networks (LPN) of any size as QDQ ONNX files with random weights. The graph is
//! the one that models/lpn exports, in depths, widths and sizes that have no trained weights.

mod graph;
mod proto;

use graph::Graph;
use proto::{ints, pads, strides, value};
use tract_onnx::pb::*;

/// One network of the family.
#[derive(Debug, Clone)]
pub struct Member {
    /// Bottleneck blocks of each stage.
    pub blocks: [usize; 4],
    /// Channels of each stage.
    pub widths: [usize; 4],
    /// Channels of the two doubling layers.
    pub head: usize,
    /// Height and width of the input in px.
    pub size: (usize, usize),
    /// Scale of the weights in each block's branch: in deep networks trained blocks change less.
    pub branch: f32,
    /// An operator after the first stage that the rewriter does not know.
    pub stranger: Option<&'static str>,
    pub seed: u64,
}

impl Member {
    /// The smallest member: every operator once.
    pub fn tiny() -> Member {
        Member {
            blocks: [1, 1, 1, 1],
            widths: [16, 16, 32, 32],
            head: 16,
            branch: 1.0,
            size: (64, 48),
            stranger: None,
            seed: 1,
        }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(&self.model())
    }

    /// The file's content.
    pub fn model(&self) -> ModelProto {
        let mut g = Graph::new(self.seed);
        let (h, w) = self.size;
        g.graph.name = "lpn".into();
        g.graph.input = vec![value("input", [1, 3, h as i64, w as i64])];
        g.graph.output = vec![value("heatmaps", [1, 17, h as i64 / 4, w as i64 / 4])];
        let image = g.rounded("input".into(), 0.02, 114);
        let mut x = g.conv(&image, [64.min(self.widths[0]), 3, 7, 7], 1, 2, Some(0));
        let pooled = g.node("MaxPool", &[&x.0], vec![ints("kernel_shape", &[3, 3]), strides(2), pads(1)]);
        x = g.rounded(pooled, x.1, x.2);
        let mut c = 64.min(self.widths[0]);
        for (stage, (&n, &width)) in self.blocks.iter().zip(&self.widths).enumerate() {
            for block in 0..n {
                let stride = if block == 0 && (stage == 1 || stage == 2) { 2 } else { 1 };
                x = g.bottleneck(&x, c, width, stride, self.branch);
                c = width;
            }
            if let (0, Some(op)) = (stage, self.stranger) {
                // A scale in no simple ratio to the others: engines round ties differently.
                let strange = g.node(op, &[&x.0], vec![]);
                x = g.rounded(strange, 0.0217, 3);
            }
        }
        for _ in 0..2 {
            x = g.double(&x, c, self.head);
            x = g.conv(&x, [self.head, self.head, 1, 1], 1, 1, Some(0));
            c = self.head;
        }
        let out = g.conv(&x, [17, c, 1, 1], 1, 1, None);
        g.graph.node.push(NodeProto {
            op_type: "Identity".into(),
            input: vec![out.0],
            output: vec!["heatmaps".into()],
            ..NodeProto::default()
        });
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(g.graph),
            ..ModelProto::default()
        }
    }
}
