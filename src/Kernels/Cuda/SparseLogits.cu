// The metric head of a few logits.
#include "metrics.cuh"

// Sets value = x·c and the gradient of -value, -c, with c = Σ_j weight_j·U[token_j] (the row's entries in order).
// Bytes: 4·d·(entries + 2).
KERNEL(256) sparse_logits(MetricParameters p) {
    __shared__ float slots[8];
    const int row = blockX(), from = p.offsets[row], to = p.offsets[row + 1];
    float sum = 0.f;
    for (int i = threadIndex(); i < p.x.columns; i += blockThreads()) {
        float c = 0.f;
        for (int j = from; j < to; j++) c = __builtin_fmaf(p.weights.pointer[j], p.reference.row(p.tokens[j])[i], c);
        sum = __builtin_fmaf(p.x.row(row)[i], c, sum);
        if (p.gradient.pointer) p.gradient.row(row)[i] = -c;
    }
    sum = overBlock<Add>(sum, slots);
    if (threadIndex() == 0) *p.value.row(row) = sum;
}
