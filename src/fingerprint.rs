//! What a finding is recognized by.

use std::fmt;

use serde::{Serialize, Serializer};

/// What is the same each time that a program has the same defect: in every process of it, and in a later build as long
/// as the functions and locals in question keep their names. Printed as 16 hexadecimal digits.
///
/// It is made of a rule and of names in the program; where tasks ended, of the lines that spawned them. No address, no
/// task and no count is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// FNV-1a, with a byte that is in no text behind each of the parts. Others compare fingerprints over months, so no
    /// hasher will do that may change.
    pub(crate) fn of<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Self {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let mut hash = BASIS;
        for part in parts {
            for byte in part.as_ref().bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
            }
        }
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_fnv_1a() {
        assert_eq!(Fingerprint::of::<&str>([]).to_string(), "cbf29ce484222325");
        // The known value of "a" is af63dc4c8601ec8c.
        let expected = (0xaf63_dc4c_8601_ec8c_u64 ^ 0xff).wrapping_mul(0x0100_0000_01b3);
        assert_eq!(Fingerprint::of(["a"]), Fingerprint(expected));
    }

    #[test]
    fn it_tells_where_one_part_ends() {
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
    }
}
