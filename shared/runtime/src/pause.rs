//! Waiting for what AWS shows late.

use std::time::Duration;

use tokio::time::sleep;

/// How long what a young event made is looked for: AWS does not show everything everywhere at once.
pub const LOOK_FOR: Duration = Duration::from_secs(15);

/// How long after a change the account may still show what was there before it.
pub const SETTLE: Duration = Duration::from_secs(5);

/// The pause before the second look.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(2);

/// The pause between two looks, each twice as long as the one before, up to 2 s.
#[derive(Debug)]
pub struct Pause {
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pause {
    /// Waits, longer each time.
    pub async fn wait(&mut self) {
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST);
    }

    /// Makes the next pause a short one again.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}
