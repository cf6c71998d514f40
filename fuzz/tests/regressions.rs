//! What was found once is not there again; and a few seconds of looking for more.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use fuzz::{Random, TARGETS, mutated, samples, target};

/// `fuzz/run` puts its finds elsewhere: whoever mends one puts it here.
#[test]
fn what_was_found_is_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut number = 0;
    for of_target in fs::read_dir(&folder).unwrap() {
        let of_target = of_target.unwrap().path();
        let target = target(of_target.file_name().unwrap().to_str().unwrap());
        for input in fs::read_dir(&of_target).unwrap() {
            let path = input.unwrap().path();
            let input = fs::read(&path).unwrap();
            let check = target.check;
            assert!(catch_unwind(|| check(&input)).is_ok(), "{}", path.display());
            number += 1;
        }
    }
    assert!(number >= 3, "{number} in {}", folder.display());
}

/// Mutations of all samples, the same each time.
#[test]
fn samples_and_their_mutations_hold() {
    let samples = samples();
    assert!(samples.len() > 100, "{} samples", samples.len());
    let mut random = Random(1);
    for target in TARGETS {
        let (check, seed) = (target.check, target.seed);
        // What is blown up takes its time.
        let step = if target.name == "amplify" { 7 } else { 1 };
        for sample in samples.iter().step_by(step) {
            let mut inputs = vec![sample.clone()];
            inputs.extend(mutated(sample, &mut random));
            for text in inputs {
                let mut input = seed(&text);
                let front = seed(b"").len();
                for byte in input.iter_mut().take(if target.name == "settings" { 0 } else { front }) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
                if catch_unwind(|| check(&input)).is_err() {
                    let path = std::env::temp_dir().join(format!("snapback-find-{}", target.name));
                    fs::write(&path, &input).unwrap();
                    eprintln!("put it into fuzz/regressions/{}", target.name);
                    panic!("{} does not hold for {}", target.name, path.display());
                }
            }
        }
    }
}
