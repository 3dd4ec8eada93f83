// LayerNorm and RMSNorm, one block a row. The number of threads depends on the width only, and so does the order of the
// additions. Bytes: forward 4 to 8 a element and output, backward 12 (16 with add); about 10 operations an element.
#include "prelude.cuh"

struct NormParameters {
    Tensor x, scale, shift, y, xhat, inverseSigma;
    float epsilon;
    int centred, add;
};

// Sets y = scale⊙x̂ + shift, and xhat and inverseSigma unless none, with x̂ = (x - mean)/σ.
KERNEL(256) norm_forward(NormParameters p) {
    __shared__ float slots[8];
    const int row = blockX(), width = p.x.columns;
    const float *x = p.x.row(row);
    float mean = 0.f;
    if (p.centred) {
        float sum = 0.f;
        for (int i = threadIndex(); i < width; i += blockThreads()) sum += x[i];
        mean = overBlock<Add>(sum, slots) / (float)width;
    }
    float squares = 0.f;
    for (int i = threadIndex(); i < width; i += blockThreads()) squares = __builtin_fmaf(x[i] - mean, x[i] - mean, squares);
    const float inverse = 1.f / squareRoot(overBlock<Add>(squares, slots) / (float)width + p.epsilon);
    for (int i = threadIndex(); i < width; i += blockThreads()) {
        const float xhat = (x[i] - mean) * inverse;
        if (p.xhat.pointer) p.xhat.row(row)[i] = xhat;
        p.y.row(row)[i] = __builtin_fmaf(p.scale.pointer[i], xhat, p.shift.pointer ? p.shift.pointer[i] : 0.f);
    }
    if (p.inverseSigma.pointer && threadIndex() == 0) *p.inverseSigma.row(row) = inverse;
}

// Sets (or, with add, adds to) y the gradient of the row: (h - mean(h)·[centred] - x̂·mean(h⊙x̂))/σ, h = scale⊙x.
// Here x is the gradient of the norm's output and y that of its input. Without x̂ σ is constant, and x̂·mean(h⊙x̂) is not there.
KERNEL(256) norm_backward(NormParameters p) {
    __shared__ float slots[8];
    const int row = blockX(), width = p.x.columns;
    const float *dy = p.x.row(row), *xhat = p.xhat.pointer ? p.xhat.row(row) : nullptr, *scale = p.scale.pointer;
    float sum = 0.f, product = 0.f;
    for (int i = threadIndex(); i < width; i += blockThreads()) {
        const float h = scale[i] * dy[i];
        sum += h;
        if (xhat) product = __builtin_fmaf(h, xhat[i], product);
    }
    const float mean = p.centred ? overBlock<Add>(sum, slots) / (float)width : 0.f;
    const float along = overBlock<Add>(product, slots) / (float)width, inverse = *p.inverseSigma.row(row);
    float *dx = p.y.row(row);
    for (int i = threadIndex(); i < width; i += blockThreads()) {
        const float gradient = (scale[i] * dy[i] - mean - (xhat ? xhat[i] * along : 0.f)) * inverse;
        dx[i] = p.add ? dx[i] + gradient : gradient;
    }
}
