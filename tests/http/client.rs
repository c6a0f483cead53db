//! A client that sends exactly the bytes that a test wants.

use crate::common::PATIENCE;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// Asks the server at this address.
#[derive(Clone, Copy)]
pub struct Client(pub SocketAddr);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Client {
    /// A connection on which nothing was sent.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request` as it is.
    pub fn send(&self, request: &str) -> Answer {
        self.try_send(request).expect("an answer")
    }

    /// As [`Client::send`]. A server that closes with our bytes unread may take its answer back.
    pub fn try_send(&self, request: &str) -> Option<Answer> {
        let mut stream = self.connect();
        let _ = stream.write_all(request.as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    /// GET with more `headers`, each with its line's end.
    pub fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.0))
    }

    /// POST of `body` with more `headers`, each with its line's end.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n{headers}\r\n", self.0);
        self.send(&(head + body))
    }

    /// The body of an answer that is not text.
    pub fn get_bytes(&self, path: &str, headers: &str) -> Vec<u8> {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.0).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        bytes.split_off(head + 4)
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    /// Opens the feed at `path`.
    pub fn feed(&self, path: &str) -> Feed {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.0).unwrap();
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        lines.read_line(&mut head).unwrap();
        Feed { status: head.split(' ').nth(1).unwrap().parse().unwrap(), lines }
    }
}

/// An open feed.
pub struct Feed {
    pub status: u16,
    lines: BufReader<TcpStream>,
}

impl Feed {
    /// Waits for an event called `name`; returns its data.
    pub fn next(&mut self, name: &str) -> serde_json::Value {
        let mut is_it = false;
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the feed ended");
            if let Some(event) = line.strip_prefix("event: ") {
                is_it = event.trim() == name;
            }
            if let (true, Some(data)) = (is_it, line.strip_prefix("data: ")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}
