//! Names that are looked up at a name server of the test's own, and local addresses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hulk_net::{DnsError, Found, Name, Permit, Scope, dial_from};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::{sleep, timeout};

/// What the server says, and what it was asked.
#[derive(Debug, Default)]
struct Says {
    v4: Vec<[u8; 4]>,
    ttl_s: u32,
    code: u8,
    silent: bool,
    /// Over UDP it says no more than that there is more.
    truncated: bool,
    /// Questions for A records, over UDP.
    asked: u32,
}

struct Server {
    permit: Permit,
    says: Arc<Mutex<Says>>,
}

impl Server {
    async fn start(v4: &[u8], ttl_s: u32) -> Self {
        let v4 = v4.iter().map(|last| [127, 0, 0, *last]).collect();
        let says = Arc::new(Mutex::new(Says { v4, ttl_s, ..Says::default() }));
        // The same port for both; somebody else may have it for one.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let at = udp.local_addr().unwrap();
        let (own, own_tcp) = (Arc::clone(&says), Arc::clone(&says));
        tokio::spawn(async move {
            let mut question = [0; 512];
            loop {
                let (length, from) = udp.recv_from(&mut question).await.unwrap();
                let Some(answer) = answer(&question[..length], &own, false) else { continue };
                udp.send_to(&answer, from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let mut question = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut question).await.unwrap();
                let answer = answer(&question, &own_tcp, true).unwrap();
                stream.write_u16(answer.len() as u16).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self { permit: Scope::default().permit(at).unwrap(), says }
    }

    fn change(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    fn asked(&self) -> u32 {
        self.says.lock().unwrap().asked
    }

    fn name(&self) -> Arc<Name> {
        Arc::new(Name::new(self.permit, "shop.test", Scope::default()).unwrap())
    }
}

fn answer(question: &[u8], says: &Mutex<Says>, whole: bool) -> Option<Vec<u8>> {
    let mut says = says.lock().unwrap();
    let is_v4 = question[question.len() - 3] == 1;
    says.asked += u32::from(is_v4 && !whole);
    if says.silent {
        return None;
    }
    let mut bytes = question.to_vec();
    bytes[2] |= 0x80;
    bytes[3] = says.code;
    if says.truncated && !whole {
        bytes[2] |= 2;
        return Some(bytes);
    }
    if is_v4 && says.code == 0 {
        bytes[7] = says.v4.len() as u8;
        for address in &says.v4 {
            bytes.extend([0xc0, 12, 0, 1, 0, 1]);
            bytes.extend(says.ttl_s.to_be_bytes());
            bytes.extend([0, 4]);
            bytes.extend(address);
        }
    }
    Some(bytes)
}

fn turns(found: &Found, count: u64) -> Vec<String> {
    let turn = |turn| found.permit(turn, 80).unwrap().0.address().ip().to_string();
    (0..count).map(turn).collect()
}

#[tokio::test]
async fn an_answer_counts_for_as_long_as_it_says() {
    let server = Server::start(&[1], 60).await;
    let name = server.name();
    assert_eq!(name.known(), None);
    let first = name.look_up().await.unwrap();
    assert_eq!(turns(&first, 1), ["127.0.0.1"]);
    server.change(|says| says.v4 = vec![[127, 0, 0, 2]]);
    // A minute has not gone by.
    assert_eq!(name.look_up().await, Ok(first.clone()));
    assert_eq!(name.known(), Some(Ok(first)));
    assert_eq!(server.asked(), 1);

    let server = Server::start(&[1], 1).await;
    let name = server.name();
    assert_eq!(turns(&name.look_up().await.unwrap(), 1), ["127.0.0.1"]);
    server.change(|says| says.v4 = vec![[127, 0, 0, 2]]);
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(name.known(), None);
    assert_eq!(turns(&name.look_up().await.unwrap(), 1), ["127.0.0.2"]);
}

#[tokio::test]
async fn those_who_ask_at_a_time_wait_for_one_answer_whose_addresses_take_turns() {
    let server = Server::start(&[3, 1, 2], 60).await;
    let name = server.name();
    let all: Vec<_> = (0..50)
        .map(|_| Arc::clone(&name))
        .map(|name| tokio::spawn(async move { name.look_up().await }))
        .collect();
    for one in all {
        let found = one.await.unwrap().unwrap();
        assert_eq!(turns(&found, 4), ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"]);
        assert!(!found.strays);
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_says_why_and_is_asked_for_again_later() {
    let server = Server::start(&[1], 60).await;
    for (code, wanted) in [(3, DnsError::NoName), (2, DnsError::Refused)] {
        server.change(|says| says.code = code);
        assert_eq!(server.name().look_up().await, Err(wanted));
    }
    server.change(|says| *says = Says { ttl_s: 60, ..Says::default() });
    let name = server.name();
    assert_eq!(name.look_up().await, Err(DnsError::NoAddress));
    assert_eq!(name.known(), Some(Err(DnsError::NoAddress)));
    server.change(|says| says.v4 = vec![[127, 0, 0, 1]]);
    sleep(Duration::from_millis(1_100)).await;
    assert!(name.look_up().await.is_ok());
}

#[tokio::test]
async fn addresses_outside_the_scope_are_left_out() {
    let server = Server::start(&[1], 60).await;
    server.change(|says| says.v4.push([192, 0, 2, 1]));
    let found = server.name().look_up().await.unwrap();
    assert!(found.strays);
    assert_eq!(turns(&found, 2), ["127.0.0.1", "127.0.0.1"]);
    server.change(|says| says.v4 = vec![[192, 0, 2, 1]]);
    assert_eq!(server.name().look_up().await, Err(DnsError::OutOfScope));
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    let server = Server::start(&[1, 2], 60).await;
    server.change(|says| says.truncated = true);
    let found = server.name().look_up().await.unwrap();
    assert_eq!(turns(&found, 2), ["127.0.0.1", "127.0.0.2"]);
}

#[tokio::test]
async fn a_server_that_is_silent_or_not_there_says_so() {
    let server = Server::start(&[1], 60).await;
    server.change(|says| says.silent = true);
    let name = server.name();
    // Who gives up leaves the question to those who come later.
    let gave_up = timeout(Duration::from_millis(50), name.look_up()).await;
    assert!(gave_up.is_err());
    assert_eq!(name.look_up().await, Err(DnsError::Silent));
    assert_eq!(server.asked(), 2, "it is asked twice");

    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let nobody = Scope::default().permit(free.local_addr().unwrap()).unwrap();
    drop(free);
    let name = Arc::new(Name::new(nobody, "shop.test", Scope::default()).unwrap());
    assert_eq!(name.look_up().await, Err(DnsError::NoServer));
}

#[tokio::test]
async fn a_connection_comes_from_its_local_address_whose_port_is_chosen_last() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = Scope::default().permit(listener.local_addr().unwrap()).unwrap();
    let local = Ipv4Addr::new(127, 0, 0, 9);
    let stream = dial_from(to, Some(local.into())).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!((peer.ip(), stream.local_addr().unwrap()), (local.into(), peer));
    // So a port may lead to each address of a target.
    assert!(getsockopt(&stream, IpBindAddressNoPort).unwrap());
}
