//! Verdicts and speed of our core beside those of Temporal's.
