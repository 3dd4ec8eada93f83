// The contraction of all edge scores, a chunk of rows at a time.
//
// Working memory, for `count` rows from firstRow on and F sources:
//   differences [F][count][d]   Δz of every source, centred for LayerNorm
//   gradients   [3H][count][d]  γ⊙(W·α) of one layer's q, k and v columns
//   products    [count][parts][F][C]  Δz·column for C = 3H + (MLP column) + Steps columns, the last being the x̂ of the steps
// Since x̂ is centred already, Δz·G = (PΔz)·(γ⊙(Wα)) - Σ_k s_k·(PΔz·x̂_k), so the steps are further columns of one product and
// G is never corrected element by element. A product over d is cut into parts, as many for a width on every GPU, so that the few rows
// of which everything stays in the level 2 cache keep all multiprocessors busy.
#include "tile.cuh"

struct CentreParameters {
    Tensor x, y;
    int centred;
};

// Sets y = x - mean(x)·[centred] a row; y may be x. Bytes: 8 an element.
KERNEL(256) centre_rows(CentreParameters p) {
    __shared__ float slots[8];
    const float *x = p.x.row(blockX());
    float *y = p.y.row(blockX()), sum = 0.f;
    if (p.centred)
        forColumns(p.x.columns, [&](int i) { return x[i]; }, [&](int, float v) { sum += v; });
    const float mean = p.centred ? overBlock<Add>(sum, slots) / (float)p.x.columns : 0.f;
    forColumns(p.x.columns, [&](int i) { return x[i]; }, [&](int i, float v) { y[i] = v - mean; });
}

struct ContractParameters {
    Tensor differences, gradients; // [F·count × d], [3H·count × d]
    Tensor mlpGradient;            // [rows × d], or none
    Tensor normalizedInputs;       // [steps·rows × d]
    float *products;
    int firstRow, count, rows, headColumns, columns;
    int sources, headSources; // sources that the MLP column reads, and the q, k and v columns
    int productSources;       // F
    int parts, partLength;    // of d; the last part may be shorter
    int aligned;
};

// Sets products[row][part][u][column] for the sources of one layer. Block z-index: the row of the chunk; y-index: the tile of sources
// and the part. Operations a row: 2·sources·columns·d. Bytes: 4·d·(sources + columns) a row, from L2.
// Tiles: 48×48 with 4×6 results a thread, or 64×64 with 4×4; the host takes the ones of which less is empty.
template <class Tile> DEVICE void contractRows(const ContractParameters &p) {
    constexpr int size = Tile::rows;
    const int row = blockZ(), part = blockY() % p.parts, u0 = blockY() / p.parts * size, c0 = blockX() * size;
    const int width = p.differences.columns, from = part * p.partLength, depth = minimum(p.partLength, width - from);
    // Only the MLP column reads the sources from headSources on.
    if (u0 >= p.headSources && c0 + size <= p.headColumns) return;
    const int mlp = p.mlpGradient.pointer ? 1 : 0;
    const bool whole = p.aligned && depth % Tile::BK == 0;
    const auto differences = operand(
        [&](int m, int k) {
            const int u = u0 + (u0 + m < p.sources ? m : 0);
            return p.differences.pointer + ((long long)u * p.count + row) * width + from + k;
        },
        [&](int m, int k) { return u0 + m < p.sources ? depth - k : 0; }, Tile::BK, whole);
    const auto gradients = operand(
        [&](int n, int k) {
            const int column = c0 + (c0 + n < p.columns ? n : 0), step = column - p.headColumns - mlp;
            return from + k + (column < p.headColumns ? p.gradients.pointer + ((long long)column * p.count + row) * width
                               : step < 0             ? p.mlpGradient.row(p.firstRow + row)
                                                      : p.normalizedInputs.pointer
                                          + ((long long)step * p.rows + p.firstRow + row) * p.normalizedInputs.stride);
        },
        [&](int n, int k) { return c0 + n < p.columns ? depth - k : 0; }, Tile::BK, whole);
    float acc[Tile::rowsOfThread][Tile::columnsOfThread] = {};
    Tile::template multiply<true>(depth, differences, gradients, acc);
    const int t = threadIndexAnew();
    UNROLL for (int i = 0; i < Tile::rowsOfThread; i++) {
        const int u = u0 + Tile::row(t, i);
        if (u >= p.sources) continue;
        float *out = p.products + (((long long)row * p.parts + part) * p.productSources + u) * p.columns;
        UNROLL for (int j = 0; j < Tile::columnsOfThread; j++)
            if (c0 + Tile::column(t, j) < p.columns) out[c0 + Tile::column(t, j)] = acc[i][j];
    }
}

KERNEL(96, 6) contract_rows_48(ContractParameters p) { contractRows<TileProduct<48, 48, 4, 6>>(p); }
KERNEL(256, 4) contract_rows_64(ContractParameters p) { contractRows<TileProduct<64, 64, 4, 4>>(p); }

template <int count> struct Count {
    static constexpr int value = count;
};

struct ReduceParameters {
    const float *products;
    Tensor stepProducts; // [steps·rows × 3H]
    Tensor scores;       // [examples × F·N]
    Indices offsets;
    int firstRow, count, rows, headColumns, columns, steps, mlp;
    int sources, headSources, productSources;
    int firstColumn, scoreColumns; // of the layer, and N
    int parts;
};

// Adds to the scores of one layer, row by row in the order of the rows: the same bits however the rows are cut into chunks
// and micro-batches. A thread an entry, block y-index the example. Bytes a row: 4·parts·sources·columns; operations: 2·sources·3H·steps.
KERNEL(256, 4) reduce_rows(ReduceParameters p) {
    const int example = blockY(), layerColumns = p.headColumns + p.mlp, entry = blockX() * 256 + threadIndex();
    const int u = entry / layerColumns, column = entry % layerColumns;
    if (u >= (column < p.headColumns ? p.headSources : p.sources)) return;
    const int from = maximum(p.offsets[example], p.firstRow), to = minimum(p.offsets[example + 1], p.firstRow + p.count);
    if (from >= to) return;
    float *score = p.scores.row(example) + (long long)u * p.scoreColumns + p.firstColumn + column;
    float sum = *score;
    const int steps = column < p.headColumns ? p.steps : 0;
    auto add = [&](int first, auto rows) {
        constexpr int count = rows.value;
        const long long ofPart = (long long)p.productSources * p.columns, apart = p.parts * ofPart, stride = p.stepProducts.stride;
        const float *products = p.products + (first - p.firstRow) * apart + (long long)u * p.columns;
        auto load = [&](int column, float(&sum)[count]) {
            UNROLL for (int r = 0; r < count; r++) sum[r] = products[r * apart + column];
            NO_UNROLL for (int part = 1; part < p.parts; part++)
                UNROLL for (int r = 0; r < count; r++) sum[r] += products[r * apart + part * ofPart + column];
        };
        float value[count];
        load(column, value);
        NO_UNROLL for (int k = 0; k < steps; k++) {
            const float *ofStep = p.stepProducts.row(k * p.rows + first) + column;
            float product[count], step[count];
            load(layerColumns + k, product);
            UNROLL for (int r = 0; r < count; r++) step[r] = ofStep[r * stride];
            UNROLL for (int r = 0; r < count; r++) value[r] = __builtin_fmaf(-product[r], step[r], value[r]);
        }
        UNROLL for (int r = 0; r < count; r++) sum += value[r];
    };
    // Two rows at a time, and as many steps as the compiler takes at once, so that their loads overlap.
    int row = from;
    for (; row + 2 <= to; row += 2) add(row, Count<2>());
    for (; row < to; row++) add(row, Count<1>());
    *score = sum;
}

struct LastRowParameters {
    Tensor differences, gradient, scores; // [F·count × d], [examples × d], [examples × F·N]
    Indices offsets;
    int firstRow, count, sources, column, scoreColumns;
};

// Adds to one column's scores what the last row of each example gives. A warp a source, block y-index the example.
// Bytes: 8·d a source; operations: 2·d.
KERNEL(256) contract_last_rows(LastRowParameters p) {
    const int example = blockY(), u = blockX() * 8 + warp(), row = p.offsets[example + 1] - 1 - p.firstRow;
    if (u >= p.sources || row < 0 || row >= p.count) return;
    const float *difference = p.differences.row(u * p.count + row), *gradient = p.gradient.row(example);
    float sum = 0.f;
    for (int i = lane(); i < p.gradient.columns; i += 32) sum = __builtin_fmaf(difference[i], gradient[i], sum);
    sum = overWarp<Add>(sum);
    if (lane() == 0) p.scores.row(example)[(long long)u * p.scoreColumns + p.column] += sum;
}
