//! libFuzzer's program for all targets: the variable `SNAPBACK_FUZZ_TARGET` says which. Besides panics it finds memory and time without bounds.

#![no_main]

use std::alloc::System;
use std::sync::LazyLock;
use std::time::Duration;

use cap::Cap;
use cpu_time::ThreadTime;
use fuzz::{Random, Target, mutated, target};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// All that the readers and rules may have in memory, in bytes; libFuzzer's own is not counted. Whoever wants more gets nothing, and the program ends.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, 64 << 20);

/// Processor time that an input may take, and for each byte of it. The code is instrumented, which makes it some times slower.
const ALWAYS: Duration = Duration::from_millis(1_500);
const EACH_BYTE: Duration = Duration::from_micros(20);

static TARGET: LazyLock<&Target> = LazyLock::new(|| target(&std::env::var("SNAPBACK_FUZZ_TARGET").expect("SNAPBACK_FUZZ_TARGET")));

fuzz_target!(|data: &[u8]| {
    let target = *TARGET;
    let start = ThreadTime::now();
    (target.check)(data);
    let (taken, allowed) = (start.elapsed(), ALWAYS + EACH_BYTE * u32::try_from(data.len()).unwrap_or(u32::MAX));
    assert!(taken < allowed, "{} bytes took {taken:?}", data.len());
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(u64::from(seed));
    // What is in front of the text, such as lengths of pieces, is not JSON.
    let front = (TARGET.seed)(b"").len().min(size);
    let is_tree = matches!(TARGET.name, "records" | "inflate" | "decide" | "amplify") && random.below(4) > 0;
    if is_tree && let Some(text) = mutated(&data[front..size], &mut random) && front + text.len() <= max_size {
        data[front..front + text.len()].copy_from_slice(&text);
        for byte in &mut data[..front] {
            if random.below(3) == 0 {
                *byte = random.below(256) as u8;
            }
        }
        return front + text.len();
    }
    fuzzer_mutate(data, size, max_size)
});
