//! Prints what `snapback check` looks for, as a JSON list: `eventSource` and `eventName` of each call that a function asks for by name.

use std::collections::BTreeSet;

use rules::foresee::FUNCTIONS;
use serde_json::json;

fn main() {
    let subscriptions = FUNCTIONS.iter().flat_map(|function| function.subscriptions);
    let names = subscriptions
        .flat_map(|subscription| subscription.event_names.iter().map(|name| (subscription.event_source, *name)));
    let names: BTreeSet<_> = names.collect();
    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    {
        println!("{}", json!(names));
    }
}
