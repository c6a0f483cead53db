//! Limits how fast one address may try tokens.

use crate::clock::Mono;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Wrong tokens that an address may send at once.
const BURST: f64 = 10.0;
/// It gets one more try in this time.
pub(super) const REGAIN: Duration = Duration::from_secs(6);
/// Addresses that are remembered. With more, the one that was quiet longest is forgotten.
const MOST: usize = 256;

/// Wrong tokens by address.
#[derive(Debug, Default)]
pub(super) struct Strikes(Vec<Strike>);

#[derive(Debug)]
struct Strike {
    from: IpAddr,
    tries_left: f64,
    at: Mono,
}

impl Strikes {
    /// Whether `from` may try a token at `now`.
    pub(super) fn allow(&self, from: IpAddr, now: Mono) -> bool {
        let from = network(from);
        self.0.iter().find(|strike| strike.from == from).is_none_or(|strike| strike.left(now) >= 1.0)
    }

    /// `from` sent a wrong token. Returns whether it is the first that is remembered of it.
    pub(super) fn add(&mut self, from: IpAddr, now: Mono) -> bool {
        let from = network(from);
        if let Some(strike) = self.0.iter_mut().find(|strike| strike.from == from) {
            (strike.tries_left, strike.at) = (strike.left(now) - 1.0, now);
            return false;
        }
        if self.0.len() == MOST
            && let Some((oldest, _)) = self.0.iter().enumerate().min_by_key(|(_, strike)| strike.at)
        {
            self.0.swap_remove(oldest);
        }
        self.0.push(Strike { from, tries_left: BURST - 1.0, at: now });
        true
    }
}

impl Strike {
    fn left(&self, now: Mono) -> f64 {
        (self.tries_left + now.since(self.at).as_secs_f64() / REGAIN.as_secs_f64()).min(BURST)
    }
}

/// One client owns a whole /64 of IPv6.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn tries_run_out_and_come_back_with_time() {
        let (mut strikes, from) = (Strikes::default(), IpAddr::from([10, 0, 0, 1]));
        for n in 0..10 {
            assert!(strikes.allow(from, at(0)), "{n}");
            assert_eq!(strikes.add(from, at(0)), n == 0);
        }
        assert!(!strikes.allow(from, at(5)));
        assert!(strikes.allow(from, at(6)));
        assert!(strikes.allow(IpAddr::from([10, 0, 0, 2]), at(0)), "others are free");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_memory_is_bounded() {
        let mut strikes = Strikes::default();
        let v6 = |net: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, net, 0, 0, 0, host]);
        (0..10).for_each(|host| {
            strikes.add(v6(0, host), at(1));
        });
        assert!(!strikes.allow(v6(0, 99), at(1)));
        (1..2000).for_each(|net| {
            strikes.add(v6(net, 0), at(2));
        });
        assert_eq!(strikes.0.len(), MOST);
    }
}
