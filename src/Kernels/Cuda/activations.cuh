// Activations of one element, for the kernels of their own and for the epilogues of products.
#pragma once
#include "prelude.cuh"

struct Pair {
    float first, second;
};

// gelu(u) = u·σ(2w), w = √(2/π)·(u + 0.044715·u³), which is ½u(1 + tanh w) without its cancellation, and its derivative
// σ(2w) + 2u·σ(2w)·σ(-2w)·w'.
DEVICE Pair gelu(float u) {
    const float square = u * u;
    float complement;
    const float s = sigmoid(1.59576912f * u * __builtin_fmaf(0.044715f, square, 1.f), complement);
    const float slope = 1.59576912f * __builtin_fmaf(0.134145f, square, 1.f);
    // For |u| past 1e18 the square overflows, but σ(1 - σ) is 0 long before.
    const float bend = complement < 1e-30f || s < 1e-30f ? 0.f : u * s * complement * slope;
    return Pair{u * s, s + bend};
}

// gelu(u) and gelu(u)/u = σ(2w).
DEVICE Pair geluRatio(float u) {
    float complement;
    const float s = sigmoid(1.59576912f * u * __builtin_fmaf(0.044715f, u * u, 1.f), complement);
    return Pair{u * s, s};
}

// silu(g)·u.
DEVICE float swiglu(float g, float u) {
    float complement;
    return g * sigmoid(g, complement) * u;
}

// The gradients dy⊙u⊙silu'(g) and dy⊙silu(g) at gate and up.
DEVICE Pair swigluGradient(float g, float u, float dy) {
    float complement;
    const float s = sigmoid(g, complement);
    return Pair{dy * u * s * __builtin_fmaf(g, complement, 1.f), dy * g * s};
}

// Half of dy⊙u⊙silu(g)/g and of dy⊙silu(g); silu(g)/g = σ(g).
DEVICE Pair swigluRatio(float g, float u, float dy) {
    float complement;
    const float half = .5f * dy * sigmoid(g, complement);
    return Pair{half * u, half * g};
}
