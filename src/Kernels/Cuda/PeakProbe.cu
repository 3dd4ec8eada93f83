// What a multiprocessor can do at most: the yardstick of the benchmarks.
#include "prelude.cuh"

struct ProbeParameters {
    Tensor y;
    int rounds;
};

// Fused multiply-adds on registers alone, in eight chains a thread, which cover the latency of four cycles with two warps a scheduler.
// Sets y[block, thread] to the sum of the chains, so that none is idle.
//
// Bytes: 4 a thread. Operations: 2·8·16 a thread and round.
KERNEL(256) multiply_adds(ProbeParameters p) {
    constexpr int chains = 8, steps = 16;
    const float factor = 0.999f;
    float sums[chains], total = 0.f;
    UNROLL for (int c = 0; c < chains; c++) sums[c] = 0.001f * (threadIndex() + c);
    NO_UNROLL for (int r = 0; r < p.rounds; r++)
        UNROLL for (int s = 0; s < steps; s++)
            UNROLL for (int c = 0; c < chains; c++) sums[c] = __builtin_fmaf(sums[c], factor, 0.001f);
    UNROLL for (int c = 0; c < chains; c++) total += sums[c];
    p.y.row(blockX())[threadIndex()] = total;
}
