//! Small servers that answer as cameras do: HTTP, and RTSP that refuses logins.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request: its lines up to the empty one.
pub type Request = Vec<String>;

/// A server on a port of its own, until the process ends. `answer` writes to each request.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(
        answer: impl Fn(&Request, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (seen.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let mut stream = stream;
                    loop {
                        let request: Request = lines.by_ref().take_while(|line| !line.is_empty()).collect();
                        if request.is_empty() {
                            return;
                        }
                        seen.lock().unwrap().push(request.clone());
                        if answer(&request, &mut stream).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Server { port, requests }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Requests with a login.
    pub fn logins(&self) -> usize {
        let login = |line: &String| line.to_ascii_lowercase().starts_with("authorization:");
        self.requests().iter().filter(|request| request.iter().any(login)).count()
    }
}

/// The value of a header.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// An RTSP camera that refuses every login. It asks by `challenges`.
pub fn refusing(challenges: &'static [&'static str]) -> Server {
    Server::start(move |request, stream| {
        let mut answer =
            format!("RTSP/1.0 401 Unauthorized\r\nCSeq: {}\r\n", header(request, "cseq").unwrap_or("0"));
        for challenge in challenges {
            answer += &format!("WWW-Authenticate: {challenge}\r\n");
        }
        stream.write_all((answer + "\r\n").as_bytes())
    })
}

/// A web server with the file of a path, if `files` has it.
pub fn files(files: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Server {
    Server::start(move |request, stream| {
        let path = request[0].split(' ').nth(1).unwrap_or_default();
        match files(path) {
            Some(body) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes())?;
                stream.write_all(&body)
            }
            None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        }
    })
}
