// Rows by number: of a table, such as embeddings, and added back to where they were taken from.
#include "elements.cuh"

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
