//! As much of MQTT 3.1.1 as a simulated box needs, on a blocking socket.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A connection that the broker has accepted.
pub struct Client {
    socket: TcpStream,
    packet: Vec<u8>,
}

/// What arrived.
pub enum Packet {
    /// A message that was published with QoS 1 is acknowledged.
    PubAck,
    /// A message.
    Publish(Vec<u8>),
    /// Anything else.
    Other,
}

impl Client {
    /// Connects with a clean session; `will` is the topic that becomes "offline".
    pub fn connect(port: u16, id: &str, will: Option<&str>) -> io::Result<Client> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        // Longer than a busy machine pauses: a reader that gives up loses what the broker holds for
        // it.
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut client = Client { socket, packet: Vec::new() };
        // Clean session; with a will: retained, QoS 1.
        let flags = if will.is_some() { 0b0010_1110 } else { 0b0000_0010 };
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60];
        text(&mut body, id.as_bytes());
        if let Some(topic) = will {
            text(&mut body, topic.as_bytes());
            text(&mut body, b"offline");
        }
        client.send(0x10, &body)?;
        client.read()?;
        if client.packet.get(1) == Some(&0) { Ok(client) } else { Err(io::Error::other("refused")) }
    }

    /// QoS 1. Packet ids need not differ: acknowledgements are only counted.
    pub fn publish(&mut self, topic: &str, payload: &[u8], retain: bool, id: u16) -> io::Result<()> {
        let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
        text(&mut body, topic.as_bytes());
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(payload);
        self.send(0x32 | u8::from(retain), &body)
    }

    pub fn subscribe(&mut self, filter: &str) -> io::Result<()> {
        let mut body = vec![0, 1];
        text(&mut body, filter.as_bytes());
        body.push(1);
        self.send(0x82, &body)
    }

    /// Waits for the next packet; acknowledges a message.
    pub fn next(&mut self) -> io::Result<Packet> {
        let kind = self.read()?;
        match kind >> 4 {
            3 => {
                let topic = usize::from(u16::from_be_bytes([self.packet[0], self.packet[1]]));
                let mut at = 2 + topic;
                if kind & 0b110 != 0 {
                    let id = [self.packet[at], self.packet[at + 1]];
                    at += 2;
                    self.send(0x40, &id)?;
                }
                Ok(Packet::Publish(self.packet[at..].to_vec()))
            }
            4 => Ok(Packet::PubAck),
            _ => Ok(Packet::Other),
        }
    }

    /// Ends the connection without a DISCONNECT, as a box does that loses its power.
    pub fn vanish(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let mut packet = vec![kind];
        let mut length = body.len();
        loop {
            let byte = (length % 128) as u8;
            length /= 128;
            packet.push(byte | if length > 0 { 0x80 } else { 0 });
            if length == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.socket.write_all(&packet)
    }

    /// Reads a packet; returns its first byte.
    fn read(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.socket.read_exact(&mut byte)?;
        let kind = byte[0];
        let (mut length, mut shift) = (0, 0);
        loop {
            self.socket.read_exact(&mut byte)?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        self.packet.resize(length, 0);
        self.socket.read_exact(&mut self.packet)?;
        Ok(kind)
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}
