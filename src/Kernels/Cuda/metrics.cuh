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

// log Σ e^x = maximum + log(sum), kept apart so that differences of logits are taken before anything large is added.
struct LogSum {
    float largest, sum;
};

DEVICE LogSum logSumOf(const float *x, int count, float *slots) {
    float largest = Maximum::neutral, sum = 0.f;
    forColumns(count, [&](int i) { return x[i]; }, [&](int, float v) { largest = maximum(largest, v); });
    largest = overBlock<Maximum>(largest, slots);
    forColumns(count, [&](int i) { return x[i]; }, [&](int, float v) { sum += exponential(v - largest); });
    return {largest, overBlock<Add>(sum, slots)};
}
