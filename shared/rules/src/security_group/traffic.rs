//! Protocols, ports and sources of a rule, in the one form that decisions are made on.

use std::fmt;

use ipnet::IpNet;

use crate::language::{Language, Localized};
use crate::public::{Family, public_addresses, range};
use crate::{localized, say};

/// An IP protocol, however it was written (`tcp`, `TCP`, `6`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Every protocol (`-1`).
    All,
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// ICMP for IPv4
    Icmp,
    /// ICMP for IPv6
    Icmpv6,
    /// Another protocol, by number or name in lower case; it has no ports.
    Other(String),
}

/// A protocol with a range of ports, both ends included.
///
/// ICMP has types and codes for ports; the pair counts as `type * 256 + code` here, so that it is a range like any other.
/// What has no ports spans 0 to 65535.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

/// Where a rule lets traffic in from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A range of addresses, its host bits cleared.
    Range(IpNet),
    /// A managed prefix list, by id.
    PrefixList(String),
    /// Another security group, by id or name: never public.
    Group(String),
}

impl Protocol {
    fn new(written: &str) -> Self {
        match written.trim().to_ascii_lowercase().as_str() {
            "-1" | "all" => Self::All,
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Traffic {
    /// Everything of a protocol.
    pub fn all(protocol: Protocol) -> Self {
        Self { protocol, from: 0, to: u16::MAX }
    }

    /// From the fields that EC2 uses: `-1` or nothing for a port means all of them.
    ///
    /// # Errors
    /// Says which port or ICMP type is out of range, or that the range ends before it begins.
    pub fn new(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<Self, Localized> {
        let protocol = Protocol::new(protocol);
        let from = from.filter(|from| *from != -1);
        let to = to.filter(|to| *to != -1);
        let port = |value: i64| {
            let not_one =
                |_| localized!("port `{value}` is not in 0-65535", "ポート `{value}` が 0-65535 の範囲外です");
            u16::try_from(value).map_err(not_one)
        };
        let byte = |value: i64| {
            let not_one = |_| {
                localized!(
                    "ICMP type or code `{value}` is not in 0-255",
                    "ICMP のタイプまたはコード `{value}` が 0-255 の範囲外です"
                )
            };
            u8::try_from(value).map_err(not_one)
        };
        let (from, to) = match (&protocol, from, to) {
            (Protocol::Tcp | Protocol::Udp, from, to) => (from.map_or(Ok(0), port)?, to.map_or(Ok(u16::MAX), port)?),
            (Protocol::Icmp | Protocol::Icmpv6, Some(kind), code) => {
                let first = u16::from(byte(kind)?) << 8;
                match code {
                    Some(code) => (first | u16::from(byte(code)?), first | u16::from(byte(code)?)),
                    None => (first, first | 0xff),
                }
            }
            _ => (0, u16::MAX),
        };
        if from > to {
            return Err(localized!(
                "port range `{from}-{to}` ends before it begins",
                "ポート範囲 `{from}-{to}` の終わりが始まりより前です"
            ));
        }
        Ok(Self { protocol, from, to })
    }

    /// What it is, in a mail's language. The protocol is not harmless yet.
    pub fn of(&self, language: Language) -> String {
        let name = match &self.protocol {
            Protocol::All => return say!(language, "all traffic", "すべてのトラフィック"),
            Protocol::Other(other) => return say!(language, "protocol {other}", "プロトコル {other}"),
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
            Protocol::Icmpv6 => "icmpv6",
        };
        let is_icmp = matches!(self.protocol, Protocol::Icmp | Protocol::Icmpv6);
        let (kind, code) = (self.from >> 8, self.from & 0xff);
        match (self.from, self.to) {
            (0, u16::MAX) if is_icmp => name.to_owned(),
            (from, to) if is_icmp && from == to => {
                say!(language, "{name} type {kind} code {code}", "{name} タイプ {kind} コード {code}")
            }
            _ if is_icmp => say!(language, "{name} type {kind}", "{name} タイプ {kind}"),
            (0, u16::MAX) => say!(language, "{name}, all ports", "{name} (すべてのポート)"),
            (from, to) if from == to => format!("{name}/{from}"),
            (from, to) => format!("{name}/{from}-{to}"),
        }
    }

    /// Whether some of `other` is part of this.
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = self.protocol == other.protocol || self.protocol == Protocol::All || other.protocol == Protocol::All;
        same && self.from <= other.to && other.from <= self.to
    }

    /// Whether all of `other` is part of this.
    pub fn covers(&self, other: &Self) -> bool {
        (self.protocol == Protocol::All || self.protocol == other.protocol)
            && self.from <= other.from
            && other.to <= self.to
    }
}

impl Source {
    /// A range of addresses as EC2 or a user wrote it; host bits don't matter, and an address alone is a range of one.
    ///
    /// # Errors
    /// If it is no range.
    pub fn range(written: &str) -> Result<Self, Localized> {
        let range = range(written).map(|range| Self::Range(range.trunc()));
        let written = written.trim();
        range.ok_or_else(|| {
            localized!("`{written}` is not a range of addresses", "`{written}` はアドレス範囲ではありません")
        })
    }

    /// What it is, in a mail's language. It is not harmless yet.
    pub fn of(&self, language: Language) -> String {
        match self {
            Self::Range(range) => range.to_string(),
            Self::PrefixList(id) => say!(language, "prefix list {id}", "プレフィックスリスト {id}"),
            Self::Group(id) => say!(language, "security group {id}", "セキュリティグループ {id}"),
        }
    }
}

impl Source {
    /// Whether it may let public addresses in; of a prefix list only its entries tell.
    pub fn may_be_public(&self) -> bool {
        match self {
            Self::Range(range) => Family::BOTH.iter().any(|family| public_addresses(*family, [range]) > 0),
            Self::PrefixList(_) => true,
            Self::Group(_) => false,
        }
    }

    /// The prefix list's id, if it is one.
    pub fn prefix_list(&self) -> Option<&str> {
        match self {
            Self::PrefixList(id) => Some(id),
            Self::Range(_) | Self::Group(_) => None,
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.of(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_and_ports_in_every_spelling() {
        for (protocol, from, to, shown) in [
            ("-1", None, None, "all traffic"),
            ("-1", Some(-1), Some(-1), "all traffic"),
            ("tcp", Some(22), Some(22), "tcp/22"),
            ("6", Some(0), Some(65535), "tcp, all ports"),
            ("TCP", Some(-1), Some(-1), "tcp, all ports"),
            ("17", Some(20), Some(30), "udp/20-30"),
            ("icmp", Some(-1), Some(-1), "icmp"),
            ("icmp", Some(8), Some(-1), "icmp type 8"),
            ("icmpv6", Some(128), Some(0), "icmpv6 type 128 code 0"),
            ("58", None, None, "icmpv6"),
            ("50", Some(1), Some(2), "protocol 50"),
        ] {
            assert_eq!(Traffic::new(protocol, from, to).unwrap().to_string(), shown);
        }
        assert!(Traffic::new("tcp", Some(22), Some(70_000)).is_err());
        assert!(Traffic::new("tcp", Some(23), Some(22)).is_err());
        assert!(Traffic::new("icmp", Some(300), None).is_err());
    }

    #[test]
    fn ranges_lose_their_host_bits() {
        assert_eq!(Source::range("208.236.235.254/0"), Source::range("0.0.0.0/0"));
        assert_eq!(Source::range("1.2.3.4").unwrap().to_string(), "1.2.3.4/32");
        assert!(Source::range("anywhere").is_err());
    }
}
