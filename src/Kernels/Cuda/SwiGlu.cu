// SwiGLU and its gradient.
#include "activations.cuh"
#include "elements.cuh"

// Sets y = silu(g)⊙u for a = [g | u].
KERNEL(256) swiglu_forward(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns,
                       [&](int i, int j) { return swiglu(p.a.row(i)[j], p.a.row(i)[p.y.columns + j]); },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Sets y = [dy⊙u⊙silu'(g) | dy⊙silu(g)] for a = [g | u], b = dy. y may be a.
KERNEL(256, 5) swiglu_backward(ElementParameters p) {
    forElements<Pair>(p.b.rows, p.b.columns,
                      [&](int i, int j) { return swigluGradient(p.a.row(i)[j], p.a.row(i)[p.b.columns + j], p.b.row(i)[j]); },
                      [&](int i, int j, Pair v) {
                          p.y.row(i)[j] = v.first;
                          p.y.row(i)[p.b.columns + j] = v.second;
                      });
}

// Sets y = ½[dy⊙u⊙silu(g)/g | dy⊙silu(g)] for a = [g | u], b = dy. y may be a.
KERNEL(256) swiglu_ratio_backward(ElementParameters p) {
    forElements<Pair>(p.b.rows, p.b.columns,
                      [&](int i, int j) { return swigluRatio(p.a.row(i)[j], p.a.row(i)[p.b.columns + j], p.b.row(i)[j]); },
                      [&](int i, int j, Pair v) {
                          p.y.row(i)[j] = v.first;
                          p.y.row(i)[p.b.columns + j] = v.second;
                      });
}
