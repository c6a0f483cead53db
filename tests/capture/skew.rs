//! A proxy between us and an RTSP camera over TCP that sets the camera's clock wrong: it changes
//! the wall-clock times of RTCP sender reports on their way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Starts the proxy for the camera at `port`; returns its own port. `off_s` is added to the
/// camera's clock.
pub fn skewed(port: u16, off_s: i32) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(camera) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            let (mut up, mut to_camera) = (client.try_clone().unwrap(), camera.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut up, &mut to_camera);
                let _ = to_camera.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = down(camera, &client, off_s);
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    own
}

/// Copies answers and interleaved packets.
fn down(camera: TcpStream, mut client: &TcpStream, off_s: i32) -> std::io::Result<()> {
    let mut camera = BufReader::new(camera);
    loop {
        let first = camera.fill_buf()?.first().copied();
        match first {
            None => return Ok(()),
            Some(b'$') => {
                let mut packet = vec![0; 4];
                camera.read_exact(&mut packet)?;
                let length = usize::from(packet[2]) << 8 | usize::from(packet[3]);
                packet.resize(4 + length, 0);
                camera.read_exact(&mut packet[4..])?;
                if packet[1] % 2 == 1 && packet.get(5) == Some(&200) {
                    let at = 4 + 8;
                    let seconds = u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
                    let moved = seconds.wrapping_add_signed(off_s);
                    packet[at..at + 4].copy_from_slice(&moved.to_be_bytes());
                }
                client.write_all(&packet)?;
            }
            Some(_) => {
                let (mut head, mut body) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let begun = head.len();
                    if camera.read_line(&mut head)? == 0 {
                        return Ok(());
                    }
                    if let Some(length) = head[begun..].to_ascii_lowercase().strip_prefix("content-length:") {
                        body = length.trim().parse().unwrap();
                    }
                }
                let mut content = vec![0; body];
                camera.read_exact(&mut content)?;
                client.write_all(head.as_bytes())?;
                client.write_all(&content)?;
            }
        }
    }
}
