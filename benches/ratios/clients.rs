//! Who calls Purser's doors: plain HTTP/1.1 over connections that stay open, on a thread of their own and with requests
//! that are ready beforehand, so that the caller is not what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use purser::stripe::signature;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::database::{SECRET, event};
use super::names::{self, AFFILIATES};

/// How many requests were answered, within which time, and how long each took.
#[derive(Debug, Default)]
pub struct Answered {
    pub took: Vec<Duration>,
    pub within: Duration,
}

impl Answered {
    pub fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.within.as_secs_f64()
    }
}

/// Signed events of their own ids, ready to be sent.
pub fn webhooks(count: usize, round: usize) -> Vec<Vec<u8>> {
    let now = Utc::now();
    (0..count)
        .map(|n| {
            let body = event(&format!("evt_sent_{round}_{n}"), &names::code(n % AFFILIATES), now);
            let signature = signature::sign(SECRET, body.as_bytes(), now);
            let head = format!(
                "POST /webhooks/stripe HTTP/1.1\r\nhost: bench.example.com\r\nuser-agent: Stripe/1.0\r\n\
                 content-type: application/json\r\nstripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [head.into_bytes(), body.into_bytes()].concat()
        })
        .collect()
}

/// Visits through the affiliates' links.
pub fn visits(count: usize) -> Vec<Vec<u8>> {
    let visit = |n: usize| {
        let code = names::code(n % AFFILIATES);
        format!(
            "GET /r/{code} HTTP/1.1\r\nhost: bench.example.com\r\nuser-agent: Mozilla/5.0\r\nreferer: https://blog.example.org/\r\n\r\n"
        )
    };
    (0..count).map(|n| visit(n).into_bytes()).collect()
}

/// Sends the requests over that many connections, one after the other on each, until the time is over or all are sent.
pub async fn send(
    to: SocketAddr,
    connections: usize,
    requests: Vec<Vec<u8>>,
    status: &'static str,
    time: Duration,
) -> Answered {
    let (sent, received) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answered = runtime.block_on(async {
            let (next, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(requests));
            let mut streams = Vec::new();
            for _ in 0..connections {
                let stream = TcpStream::connect(to).await.unwrap();
                stream.set_nodelay(true).unwrap();
                streams.push(stream);
            }
            let began = Instant::now();
            let clients = streams
                .into_iter()
                .map(|stream| tokio::spawn(client(stream, requests.clone(), next.clone(), status, began + time)));
            let took = futures::future::join_all(clients).await.into_iter().flat_map(Result::unwrap).collect();
            Answered { took, within: began.elapsed() }
        });
        sent.send(answered).unwrap();
    });
    received.await.expect("a client failed")
}

async fn client(
    mut stream: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    status: &str,
    until: Instant,
) -> Vec<Duration> {
    let (mut took, mut answer) = (Vec::new(), Vec::with_capacity(4096));
    while Instant::now() < until {
        let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
        let began = Instant::now();
        stream.write_all(request).await.unwrap();
        answer.clear();
        while !is_whole(&answer) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the server hung up");
        }
        took.push(began.elapsed());
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
    }
    took
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    answer.len() >= head + 4 + length
}
