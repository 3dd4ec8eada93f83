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
        forColumns(width, [&](int i) { return x[i]; }, [&](int, float v) { sum += v; });
        mean = overBlock<Add>(sum, slots) / (float)width;
    }
    float squares = 0.f;
    forColumns(width, [&](int i) { return x[i]; }, [&](int, float v) { squares = __builtin_fmaf(v - mean, v - mean, squares); });
    const float inverse = 1.f / squareRoot(overBlock<Add>(squares, slots) / (float)width + p.epsilon);
    struct Column {
        float x, scale, shift;
    };
    forColumns(width, [&](int i) { return Column{x[i], p.scale.pointer[i], p.shift.pointer ? p.shift.pointer[i] : 0.f}; },
        [&](int i, Column c) {
            const float xhat = (c.x - mean) * inverse;
            if (p.xhat.pointer) p.xhat.row(row)[i] = xhat;
            p.y.row(row)[i] = __builtin_fmaf(c.scale, xhat, c.shift);
        });
    if (p.inverseSigma.pointer && threadIndex() == 0) *p.inverseSigma.row(row) = inverse;
}

// Sets (or, with add, adds to) y the gradient of the row: (h - mean(h)·[centred] - x̂·mean(h⊙x̂))/σ, h = scale⊙x.
// Here x is the gradient of the norm's output and y that of its input. Without x̂ σ is constant, and x̂·mean(h⊙x̂) is not there.
KERNEL(256) norm_backward(NormParameters p) {
    __shared__ float slots[8];
    const int row = blockX(), width = p.x.columns;
    const float *dy = p.x.row(row), *xhat = p.xhat.pointer ? p.xhat.row(row) : nullptr, *scale = p.scale.pointer;
    struct Column {
        float scale, dy, xhat;
    };
    float sum = 0.f, product = 0.f;
    forColumns(width, [&](int i) { return Column{scale[i], dy[i], xhat ? xhat[i] : 0.f}; }, [&](int, Column c) {
        sum = __builtin_fmaf(c.scale, c.dy, sum);
        if (xhat) product = __builtin_fmaf(c.scale * c.dy, c.xhat, product);
    });
    const float mean = p.centred ? overBlock<Add>(sum, slots) / (float)width : 0.f;
    const float along = overBlock<Add>(product, slots) / (float)width, inverse = *p.inverseSigma.row(row);
    float *dx = p.y.row(row);
    for (int i = threadIndex(); i < width; i += blockThreads()) {
        const float gradient = (scale[i] * dy[i] - mean - (xhat ? xhat[i] * along : 0.f)) * inverse;
        dx[i] = p.add ? dx[i] + gradient : gradient;
    }
}
