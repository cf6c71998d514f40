//! Which openings let the world in, and which of them to take away so that it no longer gets in.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::traffic::{Protocol, Traffic};
use crate::public::{Family, Pieces, Union, WidestPublic, public_addresses};

/// Something that lets addresses in and can be taken away as a whole: a rule of a group, or an entry of a prefix list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The rule's id, or the entry's range.
    pub id: String,
    /// The traffic that it opens, by group. A prefix list's entry opens every rule that names the list.
    pub opens: BTreeMap<String, Vec<Traffic>>,
    /// The addresses that it lets in.
    pub ranges: Vec<IpNet>,
}

/// What is not judged: how wide is wide, and what may be open.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// How many public addresses are still not the world.
    pub widest: WidestPublic,
    /// Traffic that may be open to the world.
    pub allowed: &'a [Traffic],
}

/// A port of a group in one address family, or a run of ports that the same openings cover.
struct Cell {
    group: String,
    traffic: Traffic,
    family: Family,
}

impl Limits<'_> {
    /// Whether all of `traffic` may be open to the world: its ports may be spread over several allowed ranges.
    pub fn allow(&self, traffic: &Traffic) -> bool {
        let everything = Opening::new("", "", traffic.clone(), Vec::new());
        cells(std::iter::once(&everything), self.allowed).is_empty()
    }
}

impl Opening {
    /// Of one group.
    pub fn new(id: &str, group: &str, traffic: Traffic, ranges: Vec<IpNet>) -> Self {
        Self { id: id.to_owned(), opens: BTreeMap::from([(group.to_owned(), vec![traffic])]), ranges }
    }

    fn covers(&self, cell: &Cell) -> bool {
        self.opens.get(&cell.group).is_some_and(|all| all.iter().any(|traffic| traffic.covers(&cell.traffic)))
    }
}

/// Openings with the groups that each takes part in, so that a group's ports are compared with its own openings only.
struct ByGroup<'a> {
    openings: &'a [Opening],
    indexes: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> ByGroup<'a> {
    fn new(openings: &'a [Opening]) -> Self {
        let mut indexes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, opening) in openings.iter().enumerate() {
            for group in opening.opens.keys() {
                indexes.entry(group).or_default().push(index);
            }
        }
        Self { openings, indexes }
    }

    fn covering(&self, cell: &Cell) -> Vec<usize> {
        let of_group = self.indexes.get(cell.group.as_str()).map(Vec::as_slice).unwrap_or_default();
        let covers = |index: &&usize| self.openings.get(**index).is_some_and(|opening| opening.covers(cell));
        of_group.iter().filter(covers).copied().collect()
    }
}

/// What lets the world in through `now` and did not through `before`: the group and the traffic.
pub fn newly_exposed(before: &[Opening], now: &[Opening], limits: Limits<'_>) -> Vec<(String, Traffic)> {
    let (before_by_group, now_by_group) = (ByGroup::new(before), ByGroup::new(now));
    let exposed = |openings: &ByGroup<'_>, cell: &Cell| {
        limits.widest.is_exceeded_by(cell.family, ranges(openings.openings, &openings.covering(cell)))
    };
    // Cut at the edges of both, so that every cell is exposed as a whole or not at all.
    let cells = cells(before.iter().chain(now), limits.allowed);
    let new = cells.into_iter().filter(|cell| exposed(&now_by_group, cell) && !exposed(&before_by_group, cell));
    new.map(|cell| (cell.group, cell.traffic)).collect()
}

/// Which of `own` to take away, as indexes in rising order, so that `own` lets the world in no more.
///
/// Port by port and family by family: where `others` alone stay within the limit, the widest of `own` go, then by id, until all
/// together are within it; where `others` exceed it already, `own` are judged by themselves. One that turns out not to matter for
/// the result stays.
pub fn to_take_away(own: &[Opening], others: &[Opening], limits: Limits<'_>) -> Vec<usize> {
    let (own_by_group, others_by_group) = (ByGroup::new(own), ByGroup::new(others));
    let all = own.iter().chain(others);
    let cells: Vec<Cell> = cells(all.clone(), limits.allowed);
    let mut by_group: BTreeMap<&str, Vec<&Opening>> = BTreeMap::new();
    for opening in all {
        opening.opens.keys().for_each(|group| by_group.entry(group).or_default().push(opening));
    }
    let pieces: BTreeMap<(&str, Family), Pieces> = by_group
        .iter()
        .flat_map(|(group, openings)| Family::BOTH.map(|family| (*group, family, openings)))
        .map(|(group, family, openings)| {
            ((group, family), Pieces::new(family, openings.iter().flat_map(|opening| &opening.ranges)))
        })
        .collect();
    let mut ports: Vec<Port<'_>> = cells
        .iter()
        .filter_map(|cell| {
            let own_here = own_by_group.covering(cell);
            let mut others_here = others_by_group.covering(cell);
            let pieces = pieces.get(&(cell.group.as_str(), cell.family)).filter(|_| !own_here.is_empty())?;
            let most = limits.widest.most_addresses(cell.family);
            if Union::new(pieces, ranges(others, &others_here)).addresses() > most {
                others_here.clear();
            }
            let union = Union::new(pieces, ranges(own, &own_here).chain(ranges(others, &others_here)));
            // Where all together are within the limit, nothing has to go, and nothing that stays does harm.
            (union.addresses() > most).then_some(Port {
                pieces,
                most,
                family: cell.family,
                own: own_here,
                others: others_here,
                union: None,
            })
        })
        .collect();
    let widths = Family::BOTH
        .map(|family| own.iter().map(|opening| public_addresses(family, &opening.ranges)).collect::<Vec<_>>());
    let width =
        |family: Family, index: usize| widths.get(family as usize).and_then(|widths| widths.get(index)).copied();

    let mut gone: Vec<usize> = Vec::new();
    let mut is_gone = vec![false; own.len()];
    let is_kept = |is_gone: &[bool], index: &usize| is_gone.get(*index) == Some(&false);
    for port in &ports {
        let mut kept: Vec<usize> = port.own.iter().filter(|index| is_kept(&is_gone, index)).copied().collect();
        let mut union = port.union(own, others, &kept);
        kept.sort_by_cached_key(|index| {
            (std::cmp::Reverse(width(port.family, *index)), own.get(*index).map(|opening| opening.id.as_str()))
        });
        for index in kept {
            if union.addresses() <= port.most {
                break;
            }
            ranges(own, &[index]).for_each(|range| union.remove(range));
            is_gone.get_mut(index).into_iter().for_each(|is_gone| *is_gone = true);
            gone.push(index);
        }
    }

    // Which of them did not matter in the end.
    let mut ports_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, port) in ports.iter_mut().enumerate() {
        let (kept, taken): (Vec<usize>, Vec<usize>) = port.own.iter().partition(|index| is_kept(&is_gone, index));
        port.union = Some(port.union(own, others, &kept));
        for index in taken {
            ports_of.entry(index).or_default().push(number);
        }
    }
    gone.reverse();
    gone.retain(|index| {
        let of_index = ports_of.get(index).map(Vec::as_slice).unwrap_or_default();
        let mut changed = 0;
        let matters = of_index.iter().any(|number| {
            changed += 1;
            ports.get_mut(*number).is_some_and(|port| port.put_back(own, *index) > port.most)
        });
        if matters {
            for number in of_index.iter().take(changed) {
                ports.get_mut(*number).into_iter().for_each(|port| port.take(own, *index));
            }
        }
        matters
    });
    gone.sort_unstable();
    gone
}

/// A port that too many addresses reach.
struct Port<'a> {
    family: Family,
    pieces: &'a Pieces,
    /// How many addresses may reach it.
    most: u128,
    /// What opens it, as indexes; no others where they are too wide by themselves.
    own: Vec<usize>,
    others: Vec<usize>,
    /// What is left of all that.
    union: Option<Union<'a>>,
}

impl<'a> Port<'a> {
    /// Who reaches it if only some of `own` are kept.
    fn union(&self, own: &[Opening], others: &[Opening], kept: &[usize]) -> Union<'a> {
        Union::new(self.pieces, ranges(own, kept).chain(ranges(others, &self.others)))
    }

    /// Puts one of `own` back; how many addresses there are then.
    fn put_back(&mut self, own: &[Opening], index: usize) -> u128 {
        let Some(union) = &mut self.union else { return 0 };
        ranges(own, &[index]).for_each(|range| union.add(range));
        union.addresses()
    }

    /// Takes one of `own` away.
    fn take(&mut self, own: &[Opening], index: usize) {
        let Some(union) = &mut self.union else { return };
        ranges(own, &[index]).for_each(|range| union.remove(range));
    }
}

fn ranges<'a>(openings: &'a [Opening], indexes: &[usize]) -> impl Iterator<Item = &'a IpNet> {
    indexes.iter().filter_map(|index| openings.get(*index)).flat_map(|opening| &opening.ranges)
}

/// Cuts all traffic that `openings` name into cells within which nothing changes, without what is allowed.
fn cells<'a>(openings: impl Iterator<Item = &'a Opening>, allowed: &[Traffic]) -> Vec<Cell> {
    let mut opens: BTreeMap<&String, BTreeSet<&Traffic>> = BTreeMap::new();
    for (group, opened) in openings.flat_map(|opening| &opening.opens) {
        opens.entry(group).or_default().extend(opened);
    }
    let mut cells = Vec::new();
    for (group, opened) in opens {
        // A rule for every protocol also covers those that no rule names: `All` stands for them.
        let named = opened.iter().copied().chain(allowed).map(|traffic| traffic.protocol.clone());
        let protocols: BTreeSet<Protocol> = named.chain([Protocol::All]).collect();
        for protocol in protocols {
            let of_protocol = opened.iter().copied().chain(allowed).filter(|traffic| traffic.protocol == protocol);
            let mut starts: BTreeSet<u32> = BTreeSet::from([0, 1 << 16]);
            for traffic in of_protocol {
                starts.extend([u32::from(traffic.from), u32::from(traffic.to) + 1]);
            }
            for (start, end) in starts.iter().zip(starts.iter().skip(1)) {
                let (Ok(from), Ok(to)) = (u16::try_from(*start), u16::try_from(end - 1)) else {
                    continue;
                };
                let traffic = Traffic { protocol: protocol.clone(), from, to };
                let is_open = opened.iter().any(|other| other.covers(&traffic));
                if is_open && !allowed.iter().any(|other| other.covers(&traffic)) {
                    cells.extend(Family::BOTH.map(|family| Cell {
                        group: group.clone(),
                        traffic: traffic.clone(),
                        family,
                    }));
                }
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDEST: WidestPublic = WidestPublic { ipv4_prefix: 8, ipv6_prefix: 32 };

    /// `tcp/22 0.0.0.0/1 10.0.0.0/8`: traffic, then ranges; the text is the id.
    fn opening(written: &str) -> Opening {
        let mut words = written.split_whitespace();
        let traffic = traffic(words.next().unwrap());
        let ranges = words.map(|word| word.parse().unwrap()).collect();
        Opening::new(written, "sg-1", traffic, ranges)
    }

    fn traffic(written: &str) -> Traffic {
        let Some((protocol, ports)) = written.split_once('/') else {
            return Traffic::new(written, None, None).unwrap();
        };
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        Traffic::new(protocol, from.parse().ok(), to.parse().ok()).unwrap()
    }

    fn check(own: &[&str], others: &[&str], allowed: &[&str], gone: &[&str]) {
        let own: Vec<Opening> = own.iter().map(|written| opening(written)).collect();
        let others: Vec<Opening> = others.iter().map(|written| opening(written)).collect();
        let allowed: Vec<Traffic> = allowed.iter().map(|written| traffic(written)).collect();
        let taken = to_take_away(&own, &others, Limits { widest: WIDEST, allowed: &allowed });
        assert_eq!(taken.iter().map(|index| own[*index].id.as_str()).collect::<Vec<_>>(), gone);
    }

    #[test]
    fn only_the_wide_one_goes() {
        check(&["tcp/22 0.0.0.0/0", "tcp/22 10.0.0.0/8", "tcp/22 198.51.100.7/32"], &[], &[], &["tcp/22 0.0.0.0/0"]);
        check(&["tcp/22 0.0.0.0/0", "tcp/22 ::/0"], &[], &[], &["tcp/22 0.0.0.0/0", "tcp/22 ::/0"]);
        check(&["tcp/22 10.0.0.0/8"], &["tcp/80 0.0.0.0/0"], &[], &[]);
    }

    #[test]
    fn halves_count_together() {
        check(&["tcp/22 0.0.0.0/1", "tcp/22 128.0.0.0/1"], &[], &[], &["tcp/22 0.0.0.0/1", "tcp/22 128.0.0.0/1"]);
        check(&["tcp/22 12.0.0.0/8"], &["tcp/22 11.0.0.0/8"], &[], &["tcp/22 12.0.0.0/8"]);
        check(&["tcp/22 11.0.0.0/8"], &[], &[], &[]);
        check(&["tcp/22 11.0.0.0/8", "tcp/22 12.0.0.0/9"], &[], &[], &["tcp/22 11.0.0.0/8"]);
        check(&["tcp/22 12.0.0.0/8", "tcp/22 11.0.0.0/8"], &[], &[], &["tcp/22 11.0.0.0/8"]);
    }

    #[test]
    fn where_others_are_too_wide_already_own_are_judged_alone() {
        check(&["tcp/22 198.51.100.7/32", "tcp/22 8.8.8.8/32"], &["tcp/22 0.0.0.0/0"], &[], &[]);
        check(&["tcp/22 0.0.0.0/1"], &["tcp/22 0.0.0.0/0"], &[], &["tcp/22 0.0.0.0/1"]);
        check(&["tcp/22 11.0.0.0/8", "tcp/22 12.0.0.0/8"], &["tcp/22 0.0.0.0/0"], &[], &["tcp/22 11.0.0.0/8"]);
    }

    #[test]
    fn ports_meet_where_they_overlap() {
        check(&["tcp/20-30 12.0.0.0/8"], &["tcp/25-40 11.0.0.0/8"], &[], &["tcp/20-30 12.0.0.0/8"]);
        check(&["tcp/20-24 12.0.0.0/8"], &["tcp/25-40 11.0.0.0/8"], &[], &[]);
        check(&["tcp/22 12.0.0.0/8"], &["udp/22 11.0.0.0/8"], &[], &[]);
        check(&["-1 12.0.0.0/8"], &["50 11.0.0.0/8"], &[], &["-1 12.0.0.0/8"]);
        check(&["icmp/8-0 12.0.0.0/8"], &["icmp/3-0 11.0.0.0/8"], &[], &[]);
        check(&["icmp/8-0 12.0.0.0/8"], &["icmp 11.0.0.0/8"], &[], &["icmp/8-0 12.0.0.0/8"]);
    }

    #[test]
    fn allowed_ports_are_left_alone_and_wider_ranges_are_not() {
        check(&["tcp/443 0.0.0.0/0"], &[], &["tcp/443"], &[]);
        check(&["tcp/442-443 0.0.0.0/0"], &[], &["tcp/443"], &["tcp/442-443 0.0.0.0/0"]);
        check(&["-1 0.0.0.0/0"], &[], &["tcp/443"], &["-1 0.0.0.0/0"]);
        check(&["tcp/8000-8010 0.0.0.0/0"], &[], &["tcp/8000-8005", "tcp/8006-8010"], &[]);
        check(&["tcp/443 0.0.0.0/0"], &[], &["udp/443"], &["tcp/443 0.0.0.0/0"]);
        check(&["icmp 0.0.0.0/0"], &[], &["tcp/0-65535"], &["icmp 0.0.0.0/0"]);
    }

    #[test]
    fn what_does_not_matter_for_the_result_stays() {
        // 11.0.0.0/9 is part of what others open anyway: taking it away would change nothing.
        check(&["tcp/22 11.0.0.0/9", "tcp/22 12.0.0.0/10"], &["tcp/22 11.0.0.0/8"], &[], &["tcp/22 12.0.0.0/10"]);
    }

    #[test]
    fn an_entry_of_a_prefix_list_opens_every_rule_that_names_it() {
        let opens =
            [("sg-1", "tcp/22"), ("sg-2", "tcp/80")].map(|(group, port)| (group.to_owned(), vec![traffic(port)]));
        let ranges = vec!["12.0.0.0/8".parse().unwrap()];
        let entry = Opening { id: "12.0.0.0/8".to_owned(), opens: BTreeMap::from(opens), ranges };
        let mut neighbour = opening("tcp/80 11.0.0.0/8");
        let limits = Limits { widest: WIDEST, allowed: &[] };
        assert!(to_take_away(std::slice::from_ref(&entry), std::slice::from_ref(&neighbour), limits).is_empty());
        neighbour.opens = BTreeMap::from([("sg-2".to_owned(), vec![traffic("tcp/80")])]);
        assert_eq!(to_take_away(&[entry], &[neighbour], limits), [0]);
    }

    #[test]
    fn a_list_that_a_thousand_groups_name_is_planned_in_time() {
        let groups: Vec<String> = (0..1_000).map(|number| format!("sg-{number}")).collect();
        let opens: BTreeMap<String, Vec<Traffic>> =
            groups.iter().map(|group| (group.clone(), vec![traffic("tcp/22")])).collect();
        let entry = |range: u32| Opening {
            id: format!("{range}"),
            opens: opens.clone(),
            ranges: vec![IpNet::new(std::net::Ipv4Addr::from(range << 24).into(), 8).unwrap()],
        };
        let own: Vec<Opening> = (11..61).map(entry).collect();
        let mut others = Vec::new();
        for group in &groups {
            others.extend((1..20).map(|port| Opening::new("x", group, traffic(&format!("tcp/{port}")), Vec::new())));
        }
        let start = std::time::Instant::now();
        assert_eq!(to_take_away(&own, &others, Limits { widest: WIDEST, allowed: &[] }).len(), 49);
        assert!(start.elapsed().as_secs() < 20, "{:?}, unoptimized", start.elapsed());
    }

    /// To compare each with each for each of their ports would take hours.
    #[test]
    fn rules_that_all_overlap_are_planned_in_time() {
        type Range = fn(u32) -> (u32, u8);
        let ranges: [Range; 4] = [
            |number| (11 << 24 | number, 32),
            |number| (number.wrapping_mul(2_654_435_761), 9),
            |number| (11 << 24 | number << 8, if number % 2 == 0 { 8 } else { 30 }),
            |number| (number << 20, 1 + u8::try_from(number % 24).unwrap()),
        ];
        for range in ranges {
            let rule = |number: u32| {
                let (address, prefix) = range(number);
                let range = IpNet::new(std::net::Ipv4Addr::from(address).into(), prefix).unwrap().trunc();
                let traffic = traffic(&format!("tcp/{}-{}", number, 65_535 - number));
                Opening::new(&format!("sgr-{number:04}"), "sg-1", traffic, vec![range])
            };
            let own: Vec<Opening> = (0..300).map(rule).collect();
            let others: Vec<Opening> = (0..300).map(|number| rule(number + 300)).collect();
            let start = std::time::Instant::now();
            let limits = Limits { widest: WIDEST, allowed: &[] };
            let gone = to_take_away(&own, &others, limits);
            assert!(start.elapsed().as_secs() < 30, "{:?}, unoptimized", start.elapsed());
            let kept = own.iter().enumerate().filter(|(index, _)| gone.binary_search(index).is_err());
            let kept: Vec<Opening> = kept.map(|(_, opening)| opening.clone()).collect();
            assert_eq!(to_take_away(&kept, &others, limits), [0; 0]);
        }
    }

    #[test]
    fn what_is_new_is_told_from_what_was() {
        let limits = Limits { widest: WIDEST, allowed: &[traffic("tcp/443")] };
        let new = |before: &[&str], now: &[&str]| {
            let [before, now] = [before, now].map(|all| all.iter().map(|written| opening(written)).collect::<Vec<_>>());
            newly_exposed(&before, &now, limits).iter().map(|(_, traffic)| traffic.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(new(&[], &["tcp/22 0.0.0.0/0", "tcp/443 ::/0"]), ["tcp/22"]);
        assert_eq!(new(&["tcp/0-65535 0.0.0.0/0"], &["tcp/22 0.0.0.0/0", "tcp/22 8.8.8.8/32"]), [""; 0]);
        assert_eq!(new(&["tcp/22 11.0.0.0/8"], &["tcp/22 11.0.0.0/8", "tcp/20-30 12.0.0.0/8"]), ["tcp/22"]);
        assert_eq!(new(&["tcp/22 0.0.0.0/0"], &["tcp/22 ::/0"]), ["tcp/22"]);
    }

    /// The same, as simple as can be: everything is counted anew each time.
    fn straightforward(own: &[Opening], others: &[Opening], limits: Limits<'_>) -> Vec<usize> {
        struct Port {
            family: Family,
            others: Vec<IpNet>,
            own: Vec<usize>,
        }
        let (own_by_group, others_by_group) = (ByGroup::new(own), ByGroup::new(others));
        let all = own.iter().chain(others);
        let ports: Vec<Port> = cells(all, limits.allowed)
            .into_iter()
            .filter_map(|cell| {
                let own = own_by_group.covering(&cell);
                if own.is_empty() {
                    return None;
                }
                let others: Vec<IpNet> = ranges(others, &others_by_group.covering(&cell)).copied().collect();
                let others_exceed = limits.widest.is_exceeded_by(cell.family, &others);
                Some(Port { family: cell.family, others: if others_exceed { Vec::new() } else { others }, own })
            })
            .collect();
        let is_too_wide = |port: &Port, gone: &[usize]| {
            let kept: Vec<usize> = port.own.iter().filter(|index| !gone.contains(index)).copied().collect();
            limits.widest.is_exceeded_by(port.family, port.others.iter().chain(ranges(own, &kept)))
        };

        let mut gone: Vec<usize> = Vec::new();
        for port in &ports {
            let mut widest_first = port.own.clone();
            widest_first.sort_by_key(|index| {
                own.get(*index).map(|opening| {
                    let addresses = public_addresses(port.family, &opening.ranges);
                    (std::cmp::Reverse(addresses), opening.id.clone())
                })
            });
            for index in widest_first {
                if !is_too_wide(port, &gone) {
                    break;
                }
                if !gone.contains(&index) {
                    gone.push(index);
                }
            }
        }
        for index in gone.clone().into_iter().rev() {
            let without: Vec<usize> = gone.iter().copied().filter(|other| *other != index).collect();
            if !ports.iter().any(|port| is_too_wide(port, &without)) {
                gone = without;
            }
        }
        gone.sort_unstable();
        gone
    }

    fn any_opening() -> impl Strategy<Value = Opening> {
        let protocol = prop_oneof![Just("tcp"), Just("udp"), Just("-1"), Just("icmp")];
        let range = (any::<u32>(), 0u8..=12);
        let groups = prop::sample::subsequence(vec!["sg-1", "sg-2"], 1..=2);
        let ranges = prop::collection::vec(range, 1..3);
        (protocol, 0i64..6, 0i64..6, groups, ranges).prop_map(|(protocol, port, more, groups, ranges)| {
            let traffic = Traffic::new(protocol, Some(port), Some(port + more)).unwrap_or(traffic("tcp/1"));
            let range =
                |(address, prefix)| IpNet::new(std::net::Ipv4Addr::from(address).into(), prefix).unwrap().trunc();
            Opening {
                id: format!("{groups:?} {protocol}/{port}+{more} {ranges:?}"),
                opens: groups.into_iter().map(|group| (group.to_owned(), vec![traffic.clone()])).collect(),
                ranges: ranges.into_iter().map(range).collect(),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn it_is_planned_as_if_everything_were_counted_anew(
            own in prop::collection::vec(any_opening(), 0..7), others in prop::collection::vec(any_opening(), 0..5)
        ) {
            let limits = Limits { widest: WIDEST, allowed: &[Traffic { protocol: Protocol::Tcp, from: 3, to: 4 }] };
            prop_assert_eq!(to_take_away(&own, &others, limits), straightforward(&own, &others, limits));
        }

        /// After the plan nothing is left to plan, everything taken was needed, and what is no one's fault is not touched.
        #[test]
        fn the_plan_is_enough_and_not_more(
            own in prop::collection::vec(any_opening(), 0..4), others in prop::collection::vec(any_opening(), 0..4)
        ) {
            let limits = Limits { widest: WIDEST, allowed: &[Traffic { protocol: Protocol::Tcp, from: 3, to: 4 }] };
            let gone = to_take_away(&own, &others, limits);
            let kept: Vec<Opening> = own.iter().enumerate()
                .filter(|(index, _)| !gone.contains(index)).map(|(_, opening)| opening.clone()).collect();
            prop_assert!(to_take_away(&kept, &others, limits).is_empty());
            for index in &gone {
                let mut one_more = kept.clone();
                one_more.push(own[*index].clone());
                prop_assert!(!to_take_away(&one_more, &others, limits).is_empty());
            }
            let left: Vec<Opening> = kept.iter().chain(&others).cloned().collect();
            prop_assert!(newly_exposed(&others, &left, limits).is_empty());
        }
    }
}
