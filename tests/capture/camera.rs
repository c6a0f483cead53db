//! A real RTSP server, in a process of its own so that it can be killed like a camera.

use crate::common::free_port;
use gstreamer_rtsp_server::{self as server, gst, prelude::*};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

const SPEC: &str = "POSED_TEST_CAMERA";

/// What a camera is to do; travels in its environment, field by field, with `|` between.
#[derive(Clone)]
pub struct Camera {
    pub port: u16,
    pub launch: String,
    pub protocols: &'static str,
    /// `user:password`.
    pub credentials: &'static str,
    /// Certificate and key in one PEM file; plain RTSP if empty.
    pub pem: String,
}

pub struct Running {
    pub child: Child,
}

impl Camera {
    /// H.264 of `width`x`height`, a key frame every half second. As most cameras do, it repeats
    /// its parameter sets in the stream.
    pub fn h264(width: u32, height: u32) -> Camera {
        let launch = format!(
            "( videotestsrc is-live=true pattern=ball ! \
             video/x-raw,format=I420,width={width},height={height},framerate=30/1 ! \
             x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=500 ! \
             rtph264pay name=pay0 pt=96 config-interval=-1 )"
        );
        Camera { port: free_port(), launch, protocols: "tcp+udp", credentials: "", pem: String::new() }
    }

    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.port)
    }

    /// Starts its process, and waits until it listens.
    pub fn run(&self) -> Running {
        let port = self.port.to_string();
        let spec = [self.protocols, self.credentials, &port, &self.pem, &self.launch].join("|");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["camera::camera_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(SPEC, spec)
            // Closed when this process ends, whatever ends it: so does the camera, then.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("listening")), "the camera does not start");
        Running { child }
    }
}

impl Drop for Running {
    /// Pulls the plug.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Not a test: what [`Camera::run`] runs.
#[test]
fn camera_process() {
    let Ok(spec) = std::env::var(SPEC) else { return };
    let fields: Vec<_> = spec.splitn(5, '|').collect();
    let [protocols, credentials, port, pem, launch] = fields[..] else { panic!("{spec}") };
    gst::init().unwrap();
    let server = server::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(port);
    let factory = server::RTSPMediaFactory::new();
    factory.set_launch(launch);
    factory.set_shared(true);
    factory.set_property_from_str("protocols", protocols);
    if let Some((user, password)) = credentials.split_once(':') {
        let auth = server::RTSPAuth::new();
        let token = server::RTSPToken::builder().field("media.factory.role", "user").build();
        auth.add_basic(&server::RTSPAuth::make_basic(user, password), &token);
        server.set_auth(Some(&auth));
        let role = gst::Structure::builder("user")
            .field("media.factory.access", true)
            .field("media.factory.construct", true)
            .build();
        factory.add_role_from_structure(&role);
    }
    if !pem.is_empty() {
        let auth = server::RTSPAuth::new();
        auth.set_tls_certificate(Some(&server::gio::TlsCertificate::from_file(pem).unwrap()));
        // Everybody may watch: what is tested is whether the client trusts the server.
        let mut anyone = server::RTSPToken::builder().field("media.factory.role", "anyone").build();
        auth.set_default_token(Some(&mut anyone));
        server.set_auth(Some(&auth));
        let role = gst::Structure::builder("anyone")
            .field("media.factory.access", true)
            .field("media.factory.construct", true)
            .build();
        factory.add_role_from_structure(&role);
    }
    server.mount_points().unwrap().add_factory("/live", factory);
    let _attached = server.attach(None).unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    println!("listening");
    gst::glib::MainLoop::new(None, false).run();
}
