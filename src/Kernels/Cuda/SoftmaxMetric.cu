// The metric head of a few probabilities.
#include "metrics.cuh"

// Sets value = Σ_j weight_j·p[token_j], p = softmax(x), and the gradient of -value: p⊙(value - w). Entries may name a token
// twice. Bytes: 12 to 16 a logit; about 30 operations.
KERNEL(1024) softmax_metric(MetricParameters p) {
    __shared__ float slots[32];
    const int row = blockX(), from = p.offsets[row], to = p.offsets[row + 1], count = p.x.columns;
    const float *x = p.x.row(row);
    const LogSum total = logSumOf(x, count, slots);
    const float inverse = 1.f / total.sum;
    float sum = 0.f;
    for (int j = from + threadIndex(); j < to; j += blockThreads())
        sum = __builtin_fmaf(p.weights.pointer[j], exponential(x[p.tokens[j]] - total.largest) * inverse, sum);
    const float value = overBlock<Add>(sum, slots);
    if (threadIndex() == 0) *p.value.row(row) = value;
    if (!p.gradient.pointer) return;
    // First p·value everywhere, then the few tokens that have weights; of entries that name one token the first writes it.
    float *gradient = p.gradient.row(row);
    forColumns(count, [&](int i) { return x[i]; },
        [&](int i, float v) { gradient[i] = exponential(v - total.largest) * inverse * value; });
    barrier();
    for (int j = from + threadIndex(); j < to; j += blockThreads()) {
        const int token = p.tokens[j];
        bool first = true;
        float weight = 0.f, rest = 0.f; // of the value, what other tokens give
        for (int other = from; other < to; other++)
            if (p.tokens[other] == token) {
                first = first && other >= j;
                weight += p.weights.pointer[other];
            } else
                rest = __builtin_fmaf(p.weights.pointer[other], exponential(x[p.tokens[other]] - total.largest) * inverse, rest);
        const float own = exponential(x[token] - total.largest) * inverse;
        // value - weight, which would cancel where the answer is nearly certain.
        const float complement = x[token] == total.largest ? total.others * inverse : 1.f - own;
        if (first) gradient[token] = own * (rest - weight * complement);
    }
}
