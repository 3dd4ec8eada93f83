// The accumulated gradients of the split inputs (method.md §3, consequence 2).
#include "prelude.cuh"

struct SplitParameters {
    Tensor gradient, projection, projectionAtZero, inverseSigma, alpha, s;
    int width, headDim, group;
    float weight;
};

// Adds alpha += weight·gradient/σ; sets s[row, h] = weight·((c - b')·gradient)/(width·σ), unless s is none. A warp a head, block
// x-index the row.
// Bytes: 16 an element of gradient; 4 operations.
KERNEL(256) accumulate_split_gradient(SplitParameters p) {
    const int row = blockX(), head = blockY() * 8 + warp();
    if (head >= p.gradient.columns / p.headDim) return;
    const int own = head * p.headDim, shared = head / p.group * p.headDim;
    const float *g = p.gradient.row(row) + own, *c = p.projection.row(row) + shared;
    const float *zero = p.projectionAtZero.pointer ? p.projectionAtZero.pointer + shared : nullptr;
    float *alpha = p.alpha.row(row) + own;
    const float inverse = *p.inverseSigma.row(row), factor = p.weight * inverse;
    float product = 0.f;
    for (int i = lane(); i < p.headDim; i += 32) {
        if (p.s.pointer) product = __builtin_fmaf(c[i] - (zero ? zero[i] : 0.f), g[i], product);
        alpha[i] = __builtin_fmaf(factor, g[i], alpha[i]);
    }
    if (!p.s.pointer) return;
    product = overWarp<Add>(product);
    if (lane() == 0) p.s.row(row)[head] = factor * product / (float)p.width;
}
