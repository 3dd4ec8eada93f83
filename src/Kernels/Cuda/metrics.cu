// Metric heads: one block a row (an example).
#include "prelude.cuh"

struct MetricParameters {
    Tensor x;         // y, or logits
    Tensor reference; // unembedding, or reference logits
    Tensor weights, value, gradient;
    Indices offsets, tokens;
    int jensenShannon;
};

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

// log Σ e^x = maximum + log(sum), kept apart so that differences of logits are taken before anything large is added.
struct LogSum {
    float largest, sum;
};

DEVICE LogSum logSumOf(const float *x, int count, float *slots) {
    float largest = Maximum::neutral, sum = 0.f;
    for (int i = threadIndex(); i < count; i += blockThreads()) largest = maximum(largest, x[i]);
    largest = overBlock<Maximum>(largest, slots);
    for (int i = threadIndex(); i < count; i += blockThreads()) sum += exponential(x[i] - largest);
    return {largest, overBlock<Add>(sum, slots)};
}

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
    // The gradient may stand where the logits do, so what the entries need is written last, from what stands there then:
    // p·value is set first, and p·(value - w) follows from it without reading the logits again.
    float *gradient = p.gradient.row(row);
    for (int i = threadIndex(); i < count; i += blockThreads()) gradient[i] = exponential(x[i] - total.largest) * inverse * value;
    barrier();
    for (int j = from + threadIndex(); j < to; j += blockThreads()) {
        const int token = p.tokens[j];
        bool first = true;
        float weight = 0.f;
        for (int other = from; other < to; other++)
            if (p.tokens[other] == token) {
                first = first && other >= j;
                weight += p.weights.pointer[other];
            }
        if (first) gradient[token] = exponential(x[token] - total.largest) * inverse * (value - weight);
    }
}

// Sets value and the gradient of +value with respect to x: the mean over the vocabulary of r·(log r - log p), or with
// jensenShannon of ½[r·(log r - log m) + p·(log p - log m)], m = (p + r)/2, for p = softmax(x), r = softmax(reference).
// With δ = log r - log p from the differences of the logits: log(p/m) = -log(1 + (e^δ - 1)/2), and r·δ is summed as
// r·(δ + e^-δ - 1), which adds Σp - Σr = 0 and leaves only what is of second order where the two are close.
// Bytes: 28 to 32 a logit; about 150 operations.
KERNEL(1024) divergence_metric(MetricParameters p) {
    __shared__ float slots[32];
    const int row = blockX(), count = p.x.columns;
    const float *x = p.x.row(row), *reference = p.reference.row(row);
    const LogSum own = logSumOf(x, count, slots), other = logSumOf(reference, count, slots);
    const float inverse = 1.f / own.sum, inverseOther = 1.f / other.sum, mean = 1.f / (float)count;
    // log r - log p = (reference - its maximum) - (x - its maximum) + log(Σ of p / Σ of r)
    const float shift = logarithm(own.sum) - logarithm(other.sum);
    float sum = 0.f, inner = 0.f;
    for (int i = threadIndex(); i < count; i += blockThreads()) {
        const float pLog = x[i] - own.largest, rLog = reference[i] - other.largest, delta = rLog - pLog + shift;
        const float q = exponential(pLog) * inverse, r = exponential(rLog) * inverseOther;
        if (!p.jensenShannon)
            sum += delta > -0.35f && delta < 0.35f ? r * (delta + exponentialMinusOne(-delta)) : __builtin_fmaf(r, delta, q - r);
        else {
            // log(p/m); for a large δ, where e^δ overflows, -(δ - ln 2).
            const float toMean = delta > 20.f ? 0.693147182f - delta : -logarithmOnePlus(0.5f * exponentialMinusOne(delta));
            sum += 0.5f * (r * (delta + toMean) + q * toMean);
            inner = __builtin_fmaf(q, 0.5f * toMean, inner);
        }
    }
    const float value = overBlock<Add>(sum, slots) * mean;
    if (threadIndex() == 0) *p.value.row(row) = value;
    if (!p.gradient.pointer) return;
    inner = overBlock<Add>(inner, slots);
    for (int i = threadIndex(); i < count; i += blockThreads()) {
        const float pLog = x[i] - own.largest, rLog = reference[i] - other.largest, delta = rLog - pLog + shift;
        const float q = exponential(pLog) * inverse, r = exponential(rLog) * inverseOther;
        if (!p.jensenShannon)
            p.gradient.row(row)[i] = (delta > -0.35f && delta < 0.35f ? -q * exponentialMinusOne(delta) : q - r) * mean;
        else {
            const float toMean = delta > 20.f ? 0.693147182f - delta : -logarithmOnePlus(0.5f * exponentialMinusOne(delta));
            p.gradient.row(row)[i] = q * (0.5f * toMean - inner) * mean;
        }
    }
}
