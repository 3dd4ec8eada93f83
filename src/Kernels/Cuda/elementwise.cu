// Rows and elements, activations, rotary embedding. All are bound by memory: the bytes are those of the operands read and
// written once, a few operations an element. 256 threads, four elements a thread (see forElements).
#include "activations.cuh"

struct ElementParameters {
    Tensor a, b, y;
    float value;
};

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

struct RowParameters {
    Tensor x, y;
    Indices rows;
    float value;
};

// Sets y[i] = value·x[rows[i]].
KERNEL(256) gather_rows(RowParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return p.value * p.x.row(p.rows[i])[j]; },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Adds y[i] += x[rows[i]].
KERNEL(256) add_gathered_rows(RowParameters p) {
    forElements<float>(p.y.rows, p.y.columns, [&](int i, int j) { return p.y.row(i)[j] + p.x.row(p.rows[i])[j]; },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

// Adds y[rows[i]] += x[i]; the rows are distinct.
KERNEL(256) scatter_add_rows(RowParameters p) {
    forElements<float>(p.x.rows, p.x.columns, [&](int i, int j) { return p.y.row(p.rows[i])[j] + p.x.row(i)[j]; },
                       [&](int i, int j, float v) { p.y.row(p.rows[i])[j] = v; });
}

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

struct RotaryParameters {
    Tensor x, cosines, sines, y;
    Indices positions;
    int headDim, inverse;
};

// Sets y = x with the pairs (i, i + r/2) of every head turned. A thread takes a column of the first half of the rotated
// part and its partner, or two columns that are copied. y may be x.
KERNEL(256) rotary(RotaryParameters p) {
    const int half = p.cosines.columns, headDim = p.headDim, pairs = (headDim + 1) / 2, heads = p.x.columns / headDim;
    forElements<Pair>(p.x.rows, heads * pairs,
                      [&](int i, int j) {
                          const int pair = j % pairs;
                          const float *head = p.x.row(i) + j / pairs * headDim;
                          if (pair >= half) {
                              const int c = 2 * half + 2 * (pair - half);
                              return Pair{head[c], c + 1 < headDim ? head[c + 1] : 0.f};
                          }
                          const int position = p.positions[i];
                          const float cosine = p.cosines.row(position)[pair], a = head[pair], b = head[pair + half];
                          const float sine = p.inverse ? -p.sines.row(position)[pair] : p.sines.row(position)[pair];
                          return Pair{a * cosine - b * sine, b * cosine + a * sine};
                      },
                      [&](int i, int j, Pair v) {
                          const int pair = j % pairs, c = pair < half ? pair : 2 * half + 2 * (pair - half);
                          const int partner = pair < half ? pair + half : c + 1;
                          float *head = p.y.row(i) + j / pairs * headDim;
                          head[c] = v.first;
                          if (partner < headDim) head[partner] = v.second;
                      });
}

struct GroupParameters {
    Tensor x, y;
    int headDim, group;
};

// Sets y[row, g] = Σ of the group's consecutive heads of x, added in order.
KERNEL(256) sum_head_groups(GroupParameters p) {
    forElements<float>(p.y.rows, p.y.columns,
                       [&](int i, int j) {
                           const float *x = p.x.row(i) + j / p.headDim * p.group * p.headDim + j % p.headDim;
                           float sum = 0.f;
                           for (int h = 0; h < p.group; h++) sum += x[h * p.headDim];
                           return sum;
                       },
                       [&](int i, int j, float v) { p.y.row(i)[j] = v; });
}

struct MixParameters {
    Tensor baseline, sources, inputs;
    Indices sourceOffsets, sourceList;
};

// Sets inputs[i] = baseline + Σ sources[sourceList[j]] over the list of input i, added in list order.
// Block z-index: the input; bytes: (2 + length of the list)·rows·d·4.
KERNEL(256) mix_inputs(MixParameters p) {
    const int rows = p.baseline.rows, columns = p.baseline.columns, i = blockZ();
    const int from = p.sourceOffsets[i], to = p.sourceOffsets[i + 1];
    for (int row = blockY(); row < rows; row += gridY())
        for (long long first = blockX() * 1024LL + threadIndex(); first < columns; first += gridX() * 1024LL) {
            // A source is added to all four columns before the next one, so that four loads are under way at once.
            const float *baseline = p.baseline.row(row) + first;
            float sum[4], *out = p.inputs.row(i * (long long)rows + row) + first;
            UNROLL for (int u = 0; u < 4; u++)
                if (first + u * 256 < columns) sum[u] = baseline[u * 256];
            NO_UNROLL for (int j = from; j < to; j++) {
                const float *source = p.sources.row(p.sourceList[j] * (long long)rows + row) + first;
                UNROLL for (int u = 0; u < 4; u++)
                    if (first + u * 256 < columns) sum[u] += source[u * 256];
            }
            UNROLL for (int u = 0; u < 4; u++)
                if (first + u * 256 < columns) out[u * 256] = sum[u];
        }
}
