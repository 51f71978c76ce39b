//! Random bytes: the system's, or in a simulation such as a seed repeats.

#[cfg(not(feature = "simulation"))]
pub use real::*;
#[cfg(feature = "simulation")]
pub use simulated::*;

#[cfg(not(feature = "simulation"))]
mod real {
    use std::io;

    use rustix::rand::{GetRandomFlags, getrandom};

    /// Random bytes; the system has so few at once, always.
    pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        let given = getrandom(&mut bytes, GetRandomFlags::empty())?;
        if given < N {
            let what = format!("the system gave {given} of {N} random bytes");
            return Err(io::Error::other(what));
        }
        Ok(bytes)
    }
}

#[cfg(feature = "simulation")]
mod simulated {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        /// Drawn from by all nodes of a simulation, which is one thread.
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    /// From here on this thread draws what this seed says.
    pub fn seed(seed: u64) {
        STATE.set(seed);
    }

    /// The next bytes.
    pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&next().to_le_bytes()[..chunk.len()]);
        }
        Ok(bytes)
    }

    /// One step of `SplitMix64`.
    fn next() -> u64 {
        let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
