// Rows and elements: fill, copy, sums, products and points between two.
#include "elements.cuh"

// Sets y = value.
KERNEL(256) fill(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int, int) { return p.value; }, [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Sets y = a.
KERNEL(256) copy(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return p.a.row(i)[j]; },
        [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Adds y += value·a.
KERNEL(256) add_scaled(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return __builtin_fmaf(p.value, p.a.row(i)[j], p.y.row(i)[j]); },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Sets y = a - b.
KERNEL(256) subtract(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return p.a.row(i)[j] - p.b.row(i)[j]; },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Sets y = a⊙b. y may be a.
KERNEL(256) multiply_elements(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return p.a.row(i)[j] * p.b.row(i)[j]; },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Sets y = a + value·(b - a), exactly a at value 0 and exactly b at value 1.
KERNEL(256) interpolate(ElementParameters p) {
    forElements<float>(p.y.rows, p.y.columns,
                       [&](int i, int j) {
                           const float a = p.a.row(i)[j], b = p.b.row(i)[j];
                           return p.value == 0.f ? a : p.value == 1.f ? b : __builtin_fmaf(p.value, b - a, a);
                       },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}
