// The metric heads of two distributions.
#include "metrics.cuh"

// What the Jensen-Shannon divergence needs of δ = log r - log p: log(p/m) and log(r/m), m = (p + r)/2, which are
// -δ/2 - c and δ/2 - c with c = log cosh(δ/2).
struct ToMean {
    float p, r, c;
};

// Relative error of c below 1e-6, absolute error of the logarithms below 2e-7·(1 + |δ|).
DEVICE ToMean toMean(float delta) {
    const float size = delta < 0.f ? -delta : delta, t = delta * delta;
    if (size < 0.5f) {
        float series = __builtin_fmaf(t, -17.f / 645120, 1.f / 2880);
        series = __builtin_fmaf(t, series, -1.f / 192);
        series = __builtin_fmaf(t, series, 1.f / 8);
        const float c = t * series;
        return {-0.5f * delta - c, 0.5f * delta - c, c};
    }
    const float larger = 0.693147182f - logarithmOnePlus(exponential(-size)), smaller = larger - size;
    return {delta < 0.f ? larger : smaller, delta < 0.f ? smaller : larger, 0.5f * size - larger};
}

// Sets value and the gradient of +value with respect to x: the mean over the vocabulary of r·(log r - log p), or with
// jensenShannon of ½[r·(log r - log m) + p·(log p - log m)], m = (p + r)/2, for p = softmax(x), r = softmax(reference).
// Where the two are close, terms of first order would cancel: r·(log r - log p) is summed as r·(δ + e^-δ - 1), which adds
// Σp - Σr = 0, and for jensenShannon p = r·e^-δ is put in by hand.
// A logit of -∞ counts as -1e30. Bytes: 28 to 32 a logit; about 150 operations.
KERNEL(1024) divergence_metric(MetricParameters p) {
    __shared__ float slots[32];
    const int row = blockX(), count = p.x.columns;
    const float *x = p.x.row(row), *reference = p.reference.row(row);
    const LogSum own = logSumOf(x, count, slots), other = logSumOf(reference, count, slots);
    const float inverse = 1.f / own.sum, inverseOther = 1.f / other.sum, mean = 1.f / (float)count;
    // log r - log p = (reference - x) - (difference of the maxima) + log(Σ of p / Σ of r); where the two are close, the first
    // two differences are exact and the logarithm is that of a number near 1.
    const float shift = own.largest - other.largest, ratio = logarithm(own.sum / other.sum);
    auto at = [](const float *logits, int i) { return maximum(logits[i], -1e30f); };
    float sum = 0.f, inner = 0.f;
    for (int i = threadIndex(); i < count; i += blockThreads()) {
        const float pLog = at(x, i) - own.largest, rLog = at(reference, i) - other.largest, delta = at(reference, i) - at(x, i) + shift + ratio;
        const float q = exponential(pLog) * inverse, r = exponential(rLog) * inverseOther;
        if (!p.jensenShannon)
            sum += delta > -0.35f && delta < 0.35f ? r * (delta + exponentialMinusOne(-delta)) : __builtin_fmaf(r, delta, q - r);
        else {
            const ToMean to = toMean(delta);
            if (delta > -0.35f && delta < 0.35f) {
                const float change = exponentialMinusOne(-delta);
                sum += 0.5f * r * (-0.5f * delta * change - (2.f + change) * to.c);
            } else
                sum += 0.5f * (r * to.r + q * to.p);
            inner = __builtin_fmaf(q, 0.5f * to.p, inner);
        }
    }
    const float value = overBlock<Add>(sum, slots) * mean;
    if (threadIndex() == 0) *p.value.row(row) = value;
    if (!p.gradient.pointer) return;
    inner = overBlock<Add>(inner, slots);
    for (int i = threadIndex(); i < count; i += blockThreads()) {
        const float pLog = at(x, i) - own.largest, rLog = at(reference, i) - other.largest, delta = at(reference, i) - at(x, i) + shift + ratio;
        const float q = exponential(pLog) * inverse, r = exponential(rLog) * inverseOther;
        if (!p.jensenShannon)
            p.gradient.row(row)[i] = (delta > -0.35f && delta < 0.35f ? -q * exponentialMinusOne(delta) : q - r) * mean;
        else
            p.gradient.row(row)[i] = q * (0.5f * toMean(delta).p - inner) * mean;
    }
}
