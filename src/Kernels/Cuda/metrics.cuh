// What the metric heads share: one block a row (an example).
#pragma once
#include "prelude.cuh"

struct MetricParameters {
    Tensor x;         // y, or logits
    Tensor reference; // unembedding, or reference logits
    Tensor weights, value, gradient;
    Indices offsets, tokens;
    int jensenShannon;
};

// log Σ e^x = maximum + log(sum), kept apart so that differences of logits are taken before anything large is added. others is
// the sum less 1, the term of the maximum: where that is nearly certain, what the others are given keeps its digits.
struct LogSum {
    float largest, sum, others;
};

DEVICE LogSum logSumOf(const float *x, int count, float *slots) {
    float largest = Maximum::neutral, sum = 0.f, ties = 0.f;
    forColumns(count, [&](int i) { return x[i]; }, [&](int, float v) { largest = maximum(largest, v); });
    largest = overBlock<Maximum>(largest, slots);
    forColumns(count, [&](int i) { return x[i]; },
        [&](int, float v) {
            ties += v == largest ? 1.f : 0.f;
            sum += v == largest ? 0.f : exponential(v - largest);
        });
    sum = overBlock<Add>(sum, slots);
    ties = overBlock<Add>(ties, slots);
    return {largest, ties + sum, ties - 1.f + sum};
}
