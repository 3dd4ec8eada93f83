// Gelu, with the factor of its gradient.
#include "activations.cuh"
#include "elements.cuh"

// Sets y = gelu(a) and, unless b is none, b = gelu'(a). y may be a.
KERNEL(256) gelu_forward(ElementParameters p) {
    forElements<Pair>(p.y.rows, p.y.columns, [&](int i, int j) { return gelu(p.a.row(i)[j]); },
                      [&](int i, int j, Pair v) {
                          p.y.row(i)[j] = v.first;
                          if (p.b.pointer) p.b.row(i)[j] = v.second;
                      });
}

// Sets y = gelu(a) and b = gelu(a)/a. y may be a.
KERNEL(256) gelu_ratio_forward(ElementParameters p) {
    forElements<Pair>(p.y.rows, p.y.columns, [&](int i, int j) { return geluRatio(p.a.row(i)[j]); },
                      [&](int i, int j, Pair v) {
                          p.y.row(i)[j] = v.first;
                          p.b.row(i)[j] = v.second;
                      });
}
