//! The instruction sets that kernels exist for.

/// An instruction set, which has a set of kernels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust, for any processor; the reference that every other set is tested against.
    #[default]
    Generic,
    /// x86-64 with SSE4.1, the best set of many small Intel processors: the kernels of AVX2 with
    /// two registers for each vector.
    Sse41,
    /// x86-64 with AVX2: `vpmaddubsw` on weights that are packed so that it cannot saturate.
    Avx2,
    /// x86-64 with AVX-VNNI: 256-bit `vpdpbusd`.
    AvxVnni,
    /// x86-64 with AVX-512 VNNI: 512-bit `vpdpbusd`.
    Avx512Vnni,
    /// 64-bit or 32-bit ARM with NEON: `smull`, `smlal`, `sadalp`.
    Neon,
    /// 64-bit ARM with the dot product extension: `sdot`.
    DotProd,
}

impl Isa {
    const ALL: [Isa; 7] =
        [Isa::DotProd, Isa::Neon, Isa::Avx512Vnni, Isa::AvxVnni, Isa::Avx2, Isa::Sse41, Isa::Generic];

    /// The name that `POSED_KERNELS` and `--kernels` take.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Generic => "generic",
            Isa::Sse41 => "sse41",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avxvnni",
            Isa::Avx512Vnni => "avx512vnni",
            Isa::Neon => "neon",
            Isa::DotProd => "dotprod",
        }
    }

    /// The sets that this processor can run, the best first. Never empty.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.runs_here()).collect()
    }

    /// Whether a multiplication and an addition of floats are one instruction, which does not
    /// round the product.
    pub fn fuses(self) -> bool {
        !cfg!(target_arch = "x86_64") || !matches!(self, Isa::Generic | Isa::Sse41)
    }

    /// The best set of this processor.
    pub fn best() -> Isa {
        Isa::available()[0]
    }

    /// The set of that name, if this processor can run it.
    pub fn named(name: &str) -> Option<Isa> {
        Isa::available().into_iter().find(|isa| isa.name() == name)
    }

    #[cfg(target_arch = "x86_64")]
    fn runs_here(self) -> bool {
        let avx2 = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
        match self {
            Isa::Generic => true,
            Isa::Sse41 => std::is_x86_feature_detected!("sse4.1"),
            Isa::Avx2 => avx2,
            // The 256-bit instruction has two encodings: its own, and that of AVX-512.
            Isa::AvxVnni => avx2 && (std::is_x86_feature_detected!("avxvnni") || x86_64::evex_vnni()),
            Isa::Avx512Vnni => avx2 && x86_64::evex_vnni(),
            Isa::Neon | Isa::DotProd => false,
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn runs_here(self) -> bool {
        match self {
            Isa::Generic => true,
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Isa::DotProd => {
                std::arch::is_aarch64_feature_detected!("neon")
                    && std::arch::is_aarch64_feature_detected!("dotprod")
            }
            Isa::Sse41 | Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => false,
        }
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn runs_here(self) -> bool {
        // On 32-bit ARM the whole program is built for NEON, or it has no kernels for NEON.
        self == Isa::Generic || (cfg!(posed_neon) && self == Isa::Neon)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    /// Whether the processor has every part of AVX-512 that the kernels use.
    pub fn evex_vnni() -> bool {
        std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512vnni")
    }
}

#[cfg(test)]
mod tests {
    use super::Isa;

    /// Prints which sets the other tests compare; `tests/boards/kernels.sh` reads that.
    #[test]
    fn every_set_that_runs_here_is_found_by_its_name() {
        let names: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
        eprintln!("kernels: {}", names.join(" "));
        assert_eq!(names.last(), Some(&"generic"));
        assert!(Isa::available().into_iter().all(|isa| Isa::named(isa.name()) == Some(isa)));
        assert_eq!(Isa::named("mmx"), None);
    }
}
