// The gradient of heads that share keys or values.
#include "elements.cuh"

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
