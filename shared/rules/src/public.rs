//! How many *public* addresses a set of ranges holds.
//!
//! Private, reserved and multicast ranges are nobody on the internet, so they never make a source wide. The ranges are those of
//! the IANA special-purpose address registries (<https://www.iana.org/assignments/iana-ipv4-special-registry/> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry/>); of IPv6 only 2000::/3 is handed out at all.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// All public IPv4 addresses are in here.
const GLOBAL_V4: IpNet = v4([0, 0, 0, 0], 0);

/// IPv4 ranges that are not public. They do not overlap.
const NOT_PUBLIC_V4: [IpNet; 15] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All public IPv6 addresses are in here.
const GLOBAL_V6: IpNet = v6([0x2000, 0], 3);

/// IPv6 ranges within [`GLOBAL_V6`] that are not public. They do not overlap.
const NOT_PUBLIC_V6: [IpNet; 3] = [v6([0x2001, 0], 23), v6([0x2001, 0xdb8], 32), v6([0x3fff, 0], 20)];

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(segments: [u16; 2], prefix: u8) -> IpNet {
    let [a, b] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix))
}

/// IPv4 or IPv6: the two are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both families.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

/// The widths at which a set of sources is still not the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WidestPublic {
    /// Prefix length: more public IPv4 addresses than one such prefix holds is the world.
    pub ipv4_prefix: u8,
    /// Prefix length: more public IPv6 addresses than one such prefix holds is the world.
    pub ipv6_prefix: u8,
}

impl WidestPublic {
    /// Whether the union of `ranges` holds more public addresses of `family` than allowed.
    pub fn is_exceeded_by<'a>(&self, family: Family, ranges: impl IntoIterator<Item = &'a IpNet>) -> bool {
        public_addresses(family, ranges) > self.most_addresses(family)
    }

    /// How many public addresses of `family` are allowed.
    pub fn most_addresses(&self, family: Family) -> u128 {
        let host_bits = match family {
            Family::V4 => 32 - u32::from(self.ipv4_prefix.min(32)),
            Family::V6 => 128 - u32::from(self.ipv6_prefix.min(128)),
        };
        1u128.checked_shl(host_bits).unwrap_or(u128::MAX)
    }
}

/// The number of public addresses of `family` in the union of `ranges`. An address in several ranges counts once.
pub fn public_addresses<'a>(family: Family, ranges: impl IntoIterator<Item = &'a IpNet>) -> u128 {
    let (global, not_public) = registry(family);
    let bits: u8 = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let size = |range: IpNet| 1u128 << (bits - range.prefix_len());
    let global: Vec<IpNet> = ranges.into_iter().filter_map(|range| overlap(range.trunc(), global)).collect();
    IpNet::aggregate(&global)
        .into_iter()
        .map(|range| {
            let reserved = not_public.iter().filter_map(|other| overlap(range, *other));
            size(range) - reserved.map(size).sum::<u128>()
        })
        .sum()
}

/// The public addresses of one family in pieces: no edge of the ranges that it was made for is inside of one.
pub struct Pieces {
    family: Family,
    /// Where each piece begins, in rising order; the last one ends all.
    edges: Vec<u128>,
    /// How many public addresses each piece has.
    sizes: Vec<u128>,
}

impl Pieces {
    /// For `ranges`, of which those of the other family are passed over.
    pub fn new<'a>(family: Family, ranges: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let (_, not_public) = registry(family);
        let mut edges: Vec<u128> =
            ranges.into_iter().chain(not_public).filter_map(|range| ends(family, range)).flatten().collect();
        edges.sort_unstable();
        edges.dedup();
        let reserved: Vec<[u128; 2]> = not_public.iter().filter_map(|range| ends(family, range)).collect();
        let size =
            |(begin, end): (&u128, &u128)| match reserved.iter().any(|[first, last]| first <= begin && end <= last) {
                true => 0,
                false => end - begin,
            };
        let sizes = edges.iter().zip(edges.iter().skip(1)).map(size).collect();
        Self { family, edges, sizes }
    }

    /// Which pieces a range consists of; it is one of those that these were made for.
    fn of(&self, range: &IpNet) -> Range<usize> {
        let Some(ends) = ends(self.family, range) else { return 0..0 };
        let [begin, end] = ends.map(|end| self.edges.partition_point(|edge| *edge < end));
        begin..end
    }
}

/// A set of ranges that changes, and how many public addresses there are in it. To add a range or to remove it takes as long as it has pieces.
pub struct Union<'a> {
    pieces: &'a Pieces,
    /// How many ranges have each piece.
    counts: Vec<usize>,
    addresses: u128,
}

impl<'a> Union<'a> {
    /// Of `ranges`, for which `pieces` was made.
    pub fn new<'b>(pieces: &'a Pieces, ranges: impl IntoIterator<Item = &'b IpNet>) -> Self {
        // Where ranges begin and end first, so that it takes as long as there are ranges and pieces, and not both multiplied.
        let (mut begins, mut ends) = (vec![0_usize; pieces.sizes.len()], vec![0_usize; pieces.sizes.len()]);
        for Range { start, end } in ranges.into_iter().map(|range| pieces.of(range)).filter(|range| !range.is_empty()) {
            begins.get_mut(start).into_iter().for_each(|count| *count += 1);
            ends.get_mut(end).into_iter().for_each(|count| *count += 1);
        }
        let mut open = 0;
        for (begin, end) in begins.iter_mut().zip(&ends) {
            open = open + *begin - end;
            *begin = open;
        }
        let covered = begins.iter().zip(&pieces.sizes).filter(|(count, _)| **count > 0);
        let addresses = covered.map(|(_, size)| size).sum();
        Self { pieces, counts: begins, addresses }
    }

    /// How many public addresses it has.
    pub fn addresses(&self) -> u128 {
        self.addresses
    }

    /// Adds a range.
    pub fn add(&mut self, range: &IpNet) {
        let pieces = self.pieces.of(range);
        let sizes = self.pieces.sizes.get(pieces.clone()).unwrap_or_default();
        for (count, size) in self.counts.get_mut(pieces).unwrap_or_default().iter_mut().zip(sizes) {
            *count += 1;
            self.addresses += if *count == 1 { *size } else { 0 };
        }
    }

    /// Removes a range that is in it.
    pub fn remove(&mut self, range: &IpNet) {
        let pieces = self.pieces.of(range);
        let sizes = self.pieces.sizes.get(pieces.clone()).unwrap_or_default();
        for (count, size) in self.counts.get_mut(pieces).unwrap_or_default().iter_mut().zip(sizes) {
            *count = count.saturating_sub(1);
            self.addresses -= if *count == 0 { *size } else { 0 };
        }
    }
}

/// What all public addresses of a family are in, and what of that is not public.
fn registry(family: Family) -> (IpNet, &'static [IpNet]) {
    match family {
        Family::V4 => (GLOBAL_V4, &NOT_PUBLIC_V4),
        Family::V6 => (GLOBAL_V6, &NOT_PUBLIC_V6),
    }
}

/// The first address of a range and the one behind its last, as far as the range may be public; `None` if it is not, or of the other family.
fn ends(family: Family, range: &IpNet) -> Option<[u128; 2]> {
    let (global, _) = registry(family);
    let range = overlap(range.trunc(), global)?;
    let (first, bits) = match range.network() {
        IpAddr::V4(first) => (u128::from(u32::from(first)), 32),
        IpAddr::V6(first) => (u128::from(first), 128),
    };
    Some([first, first + (1 << (bits - range.prefix_len()))])
}

/// A range of addresses as a person or AWS wrote it; an address alone is a range of one. `None` if it is none.
pub fn range(written: &str) -> Option<IpNet> {
    let written = written.trim();
    written.parse().or_else(|_| written.parse::<IpAddr>().map(IpNet::from)).ok()
}

/// What two prefixes share: the narrower one if one holds the other, else nothing. Families never overlap.
fn overlap(a: IpNet, b: IpNet) -> Option<IpNet> {
    if a.contains(&b) {
        Some(b)
    } else if b.contains(&a) {
        Some(a)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nets(written: &str) -> Vec<IpNet> {
        written.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    const DEFAULT: WidestPublic = WidestPublic { ipv4_prefix: 8, ipv6_prefix: 32 };

    #[test]
    fn what_is_the_world() {
        for (written, world) in [
            ("0.0.0.0/0", true),
            ("1.2.3.4/0", true),
            ("208.236.235.254/0", true),
            ("::/0", true),
            ("2000::/3", true),
            ("0.0.0.0/1 128.0.0.0/1", true),
            ("0.0.0.0/2", true),
            ("11.0.0.0/8", false),
            ("11.0.0.0/8 11.2.0.0/16", false),
            ("11.0.0.0/8 12.0.0.0/32", true),
            ("11.0.0.0/8 12.0.0.0/8", true),
            ("10.0.0.0/8", false),
            ("10.0.0.0/7", false),
            ("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10", false),
            ("224.0.0.0/3", false),
            ("0.0.0.0/8 127.0.0.0/8", false),
            ("2600::/32", false),
            ("2600::/32 2601::/128", true),
            ("2600::/31", true),
            ("fc00::/7", false),
            ("fe80::/10", false),
            ("2001:db8::/32", false),
            ("8000::/1", false),
        ] {
            let nets = nets(written);
            assert_eq!(Family::BOTH.iter().any(|family| DEFAULT.is_exceeded_by(*family, &nets)), world, "{written}");
        }
    }

    #[test]
    fn the_whole_internet_is_counted() {
        let v4 = public_addresses(Family::V4, &nets("0.0.0.0/0"));
        let reserved: u128 = NOT_PUBLIC_V4.iter().map(|net| 1u128 << (32 - net.prefix_len())).sum();
        assert_eq!(v4, (1 << 32) - reserved);
        let v6 = public_addresses(Family::V6, &nets("::/0"));
        assert_eq!(v6, (1 << 125) - (1 << 105) - (1 << 96) - (1 << 108));
    }

    /// A range near 198.18.0.0/15, 192.0.2.0/24 and friends, so that reserved and public addresses mix.
    fn small_v4() -> impl Strategy<Value = IpNet> {
        let block =
            prop_oneof![Just(0xC000_0000u32), Just(0xC612_0000), Just(0xCB00_7000), Just(0x0800_0000), any::<u32>()];
        (block, 0u32..0x2000, 19u8..=32).prop_map(|(block, offset, prefix)| {
            IpNet::new(Ipv4Addr::from(block.wrapping_add(offset)).into(), prefix).unwrap()
        })
    }

    fn small_v6() -> impl Strategy<Value = IpNet> {
        let block = prop_oneof![
            Just(0x2001_0db8u128 << 96),
            Just((0x2001_0db9u128 << 96) - 0x800),
            Just((0x3fff_1000u128 << 96) - 0x800),
            Just((0x2000u128 << 112) - 0x800),
            Just((0x4000u128 << 112) - 0x800)
        ];
        (block, 0u128..0x1000, 116u8..=128).prop_map(|(block, offset, prefix)| {
            IpNet::new(Ipv6Addr::from(block.wrapping_add(offset)).into(), prefix).unwrap()
        })
    }

    /// Address by address, with the registries' ranges written out as bounds.
    fn brute_force(nets: &[IpNet]) -> u128 {
        let mut addresses = std::collections::BTreeSet::new();
        for net in nets {
            addresses.extend(net.hosts_and_ends());
        }
        addresses.into_iter().filter(|address| is_public(*address)).count() as u128
    }

    trait HostsAndEnds {
        fn hosts_and_ends(&self) -> Vec<std::net::IpAddr>;
    }

    impl HostsAndEnds for IpNet {
        fn hosts_and_ends(&self) -> Vec<std::net::IpAddr> {
            match (self.network(), self.broadcast()) {
                (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) => {
                    (u32::from(first)..=u32::from(last)).map(|n| Ipv4Addr::from(n).into()).collect()
                }
                (std::net::IpAddr::V6(first), std::net::IpAddr::V6(last)) => {
                    (u128::from(first)..=u128::from(last)).map(|n| Ipv6Addr::from(n).into()).collect()
                }
                _ => unreachable!(),
            }
        }
    }

    fn is_public(address: std::net::IpAddr) -> bool {
        match address {
            std::net::IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                !(a == 0
                    || a == 10
                    || a == 127
                    || a >= 224
                    || (a == 100 && (64..128).contains(&b))
                    || (a == 169 && b == 254)
                    || (a == 172 && (16..32).contains(&b))
                    || (a == 192 && b == 168)
                    || (a == 192 && b == 0 && (c == 0 || c == 2))
                    || (a == 192 && b == 88 && c == 99)
                    || (a == 198 && (b == 18 || b == 19))
                    || (a == 198 && b == 51 && c == 100)
                    || (a == 203 && b == 0 && c == 113))
            }
            std::net::IpAddr::V6(address) => {
                let [a, b, ..] = address.segments();
                (0x2000..0x4000).contains(&a)
                    && !(a == 0x2001 && b < 0x200)
                    && !(a == 0x2001 && b == 0xdb8)
                    && !(a == 0x3fff && b < 0x1000)
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn counting_agrees_with_brute_force(
            v4 in prop::collection::vec(small_v4(), 0..5), v6 in prop::collection::vec(small_v6(), 0..4)
        ) {
            prop_assert_eq!(public_addresses(Family::V4, &v4), brute_force(&v4));
            prop_assert_eq!(public_addresses(Family::V6, &v6), brute_force(&v6));
            let both: Vec<IpNet> = v4.iter().chain(&v6).copied().collect();
            prop_assert_eq!(public_addresses(Family::V4, &both), brute_force(&v4));
        }

        /// Whatever is added and removed, it is counted like the same ranges anew.
        #[test]
        fn a_union_that_changes_is_counted_like_one_that_does_not(
            v4 in prop::collection::vec(small_v4(), 0..6), v6 in prop::collection::vec(small_v6(), 0..6), wide in any::<u32>(), prefix in 0u8..=8,
            changes in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..12)
        ) {
            let wide = IpNet::new(Ipv4Addr::from(wide).into(), prefix).unwrap();
            let all: Vec<IpNet> = v4.into_iter().chain(v6).chain([wide, "::/0".parse().unwrap()]).collect();
            for family in Family::BOTH {
                let pieces = Pieces::new(family, &all);
                let mut now = all.clone();
                let mut union = Union::new(&pieces, &all);
                prop_assert_eq!(union.addresses(), public_addresses(family, &now));
                for (is_added, index) in &changes {
                    if *is_added || now.is_empty() {
                        union.add(index.get(&all));
                        now.push(*index.get(&all));
                    } else {
                        union.remove(&now.swap_remove(index.index(now.len())));
                    }
                    prop_assert_eq!(union.addresses(), public_addresses(family, &now));
                }
            }
        }

        #[test]
        fn a_union_is_never_smaller_than_its_parts(
            nets in prop::collection::vec((any::<u32>(), 0u8..=32), 1..8)
        ) {
            let nets: Vec<IpNet> = nets.into_iter()
                .map(|(address, prefix)| IpNet::new(Ipv4Addr::from(address).into(), prefix).unwrap()).collect();
            let union = public_addresses(Family::V4, &nets);
            let parts: Vec<u128> = nets.iter().map(|net| public_addresses(Family::V4, [net])).collect();
            prop_assert!(union >= *parts.iter().max().unwrap());
            prop_assert!(union <= parts.iter().sum());
        }
    }
}
