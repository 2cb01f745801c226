//! Which proxies are believed about where a request comes from. Without any, the address that connects is the caller's.

use std::net::IpAddr;

/// Addresses and networks of proxies that write `X-Forwarded-For` themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<(IpAddr, u32)>);

impl TrustedProxies {
    /// Reads addresses and networks with commas between them; none when one of them is neither.
    pub(super) fn parse(list: &str) -> Option<Self> {
        let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks: Option<Vec<(IpAddr, u32)>> = parts.map(network).collect();
        networks.filter(|networks| !networks.is_empty()).map(TrustedProxies)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, length)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differs = u32::from(*network) ^ u32::from(address);
                differs.checked_shr(32 - length).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differs = u128::from(*network) ^ u128::from(address);
                differs.checked_shr(128 - length).unwrap_or(0) == 0
            }
            _ => false,
        })
    }

    /// The caller's address: the one that connected, or what trusted proxies say of it, from the last to the first. What
    /// stands before an address that isn't trusted could have been written by anybody.
    pub fn caller<'a>(&self, peer: IpAddr, forwarded_for: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut caller = peer;
        for told in forwarded_for.rev() {
            if !self.trusts(caller) {
                break;
            }
            let Some(address) = address(told) else { break };
            caller = address;
        }
        caller
    }
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(longest);
    (length <= longest).then_some((address, length))
}

/// An address as proxies write it, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.trim_matches(['[', ']']).parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(trusted: &str, peer: &str, forwarded: &str) -> String {
        let proxies = TrustedProxies::parse(trusted).unwrap_or_default();
        proxies.caller(peer.parse().unwrap(), forwarded.split(',')).to_string()
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        for (trusted, peer, forwarded, expected) in [
            ("", "192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.0/8", "10.1.2.3", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("10.1.2.3", "10.1.2.3", "203.0.113.9:4711", "203.0.113.9"),
            ("10.1.2.3", "10.1.2.4", "203.0.113.9", "10.1.2.4"),
            ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7", "2001:db8::7"),
            ("fd00::/8, 10.0.0.1", "fd12::1", "[2001:db8::7]:443", "2001:db8::7"),
            ("0.0.0.0/0", "192.0.2.1", "203.0.113.9", "203.0.113.9"),
            ("10.1.2.3", "10.1.2.3", "unknown", "10.1.2.3"),
            ("10.1.2.3", "10.1.2.3", "", "10.1.2.3"),
        ] {
            assert_eq!(caller(trusted, peer, forwarded), expected, "{trusted} {peer} {forwarded}");
        }
    }

    #[test]
    fn what_is_no_address_or_network_is_refused() {
        for wrong in ["everybody", "10.0.0.0/33", "10.0.0/8", "10.0.0.1 10.0.0.2", ",", "::/129", "10.0.0.0/-1"] {
            assert_eq!(TrustedProxies::parse(wrong), None, "{wrong}");
        }
    }
}
