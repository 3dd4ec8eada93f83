// The contraction of all edge scores, a chunk of rows at a time.
//
// Working memory, for `count` rows from firstRow on, in `tiles` of at most 16 of one sequence, and F sources:
//   differences [F][count][d]  Δz of every source, centred for LayerNorm
//   products    [tiles][parts][sources][columns]  Σ Δz·G over the rows of a tile and a part of d, for the columns of one layer
// G itself, γ⊙(W·α) - Σ_k x̂_k·s_k, exists 16 rows by 16 of d at a time, in shared memory; it is formed once and multiplied there with
// every source. It need not be centred, since the differences are.
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
    Tensor differences;      // [F·count × d]
    Tensor alpha;            // [rows × 3·heads·headDim]
    Tensor mlpGradient;      // [rows × d], or none
    Tensor normalizedInputs; // [steps·rows × d]
    Tensor stepProducts;     // [steps·rows × 3·heads]
    const void *weights;     // the fused projection: its blocks of headDim columns are those of heads q, then heads/group k, then as many v
    const float *scale;
    float *products;
    Indices tiles, packs; // first row of every tile, first tile of every pack
    int firstPack, firstRow, count, rows;
    int weightsStride, transposed, heads, group, headDim; // transposed: a row in memory is a column of W
    int firstColumn, headColumns, steps;                  // those before firstColumn are left out
    int sources, productSources, productColumns; // sources that the columns read, those of the last layer, columns filled up to whole tiles
    int parts, partLength;                                // of d
    int aligned;
};

// G of the rows of a pack in `depth` of the d columns, as a block holds it in shared memory: [row][i][column], with four floats between the
// fours of i, so that threads of neighbouring rows and fours write to different banks.
template <int columns> struct GradientTile {
    static constexpr int rows = 16, depth = 16, threads = 192, ofRow = depth * columns + depth, size = rows * ofRow;
    DEVICE int place(int row, int i) { return row * ofRow + i * columns + i / 4 * 4; }
};

// Where the weights of a head's column of G begin, at d = 0 and k = 0.
template <class Weight> DEVICE const Weight *weightsOf(const ContractParameters &p, int own) {
    const int kind = own / p.heads, head = own % p.heads,
              block = kind == 0 ? head : p.heads + (kind - 1) * (p.heads / p.group) + head / p.group, first = block * p.headDim;
    return (const Weight *)p.weights + (p.transposed ? (long long)first * p.weightsStride : first);
}

// acc[r][c] = Σ_k α[r][k]·W[c][k] for four rows of α and four of d. A four of weights in memory lies along k, or where transposed along d.
template <bool transposed, class Weight>
DEVICE void multiplyHead(const float *const (&alpha)[4], const Weight *w, long long stride, int headDim, float (&acc)[4][4]) {
    const float *fromA[4] = {alpha[0], alpha[1], alpha[2], alpha[3]};
    const Weight *fromW[4] = {w, w + stride, w + 2 * stride, w + 3 * stride};
    auto multiplyFour = [&](int half) {
        Float4 a[4], b[4];
        UNROLL for (int j = 0; j < 4; j++) {
            a[j] = wholeFour(fromA[j] + 4 * half);
            b[j] = wholeFour(fromW[j] + (transposed ? 4 * half * stride : 4 * half));
        }
        UNROLL for (int kk = 0; kk < 4; kk++)
            UNROLL for (int r = 0; r < 4; r++)
                UNROLL for (int c = 0; c < 4; c++)
                    acc[r][c] = __builtin_fmaf(a[r][kk], transposed ? b[kk][c] : b[c][kk], acc[r][c]);
    };
    NO_UNROLL for (int k = headDim; k > 0; k -= 8) {
        multiplyFour(0);
        if (k > 4) multiplyFour(1);
        UNROLL for (int j = 0; j < 4; j++) {
            fromA[j] += 8;
            fromW[j] += transposed ? 8 * stride : 8;
        }
    }
}

// Forms G of the rows [firstRow, firstRow + rows), columns from c0 on and d from d0 on; zero where there is none.
// Operations a row, column and d: 2·(headDim + steps). Here all is aligned: a thread forms every fourth row and 4 of d of a column.
template <class Weight, int columns> DEVICE void formGradients(const ContractParameters &p, int firstRow, int rows, int c0, int d0, float *g) {
    using Tile = GradientTile<columns>;
    NO_UNROLL for (int v = threadIndexAnew() >> 4; v < columns; v += Tile::threads / 16) {
        const int t = threadIndexAnew(), i = (t & 3) * 4, row = t >> 2 & 3, d = d0 + i, column = c0 + v;
        if (row >= rows) return;
        // Row number r of the thread's four; found anew each time, so that none is held in registers.
        auto from = [&](int r) { return (long long)(firstRow + minimum((threadIndexAnew() >> 2 & 3) + 4 * r, rows - 1)); };
        float acc[4][4] = {};
        if (d < p.differences.columns && column < p.headColumns) {
            const int own = p.firstColumn + column;
            const Weight *w = weightsOf<Weight>(p, own) + (p.transposed ? d : (long long)d * p.weightsStride);
            const float *alpha[4];
            UNROLL for (int r = 0; r < 4; r++) alpha[r] = p.alpha.row(from(r)) + own * p.headDim;
            if (p.transposed) multiplyHead<true>(alpha, w, p.weightsStride, p.headDim, acc);
            else multiplyHead<false>(alpha, w, p.weightsStride, p.headDim, acc);
            const Float4 scale = wholeFour(p.scale + d);
            UNROLL for (int r = 0; r < 4; r++)
                UNROLL for (int c = 0; c < 4; c++) acc[r][c] *= scale[c];
            NO_UNROLL for (int k = 0; k < p.steps; k++)
                UNROLL for (int r = 0; r < 4; r++) {
                    const long long ofStep = (long long)k * p.rows + from(r);
                    const Float4 x = wholeFour(p.normalizedInputs.row(ofStep) + d);
                    const float s = p.stepProducts.row(ofStep)[own];
                    UNROLL for (int c = 0; c < 4; c++) acc[r][c] = __builtin_fmaf(-x[c], s, acc[r][c]);
                }
        } else if (d < p.differences.columns && column == p.headColumns && p.mlpGradient.pointer)
            UNROLL for (int r = 0; r < 4; r++) {
                const Float4 x = wholeFour(p.mlpGradient.row(from(r)) + d);
                UNROLL for (int c = 0; c < 4; c++) acc[r][c] = x[c];
            }
        float *to = g + Tile::place(row, i) + v;
        UNROLL for (int r = 0; r < 4; r++)
            UNROLL for (int c = 0; c < 4; c++) to[Tile::place(4 * r, c)] = acc[r][c];
    }
}

// The same sums where not all is aligned, an element at a time.
template <class Weight, int columns> DEVICE void formElements(const ContractParameters &p, int firstRow, int rows, int c0, int d0, float *g) {
    using Tile = GradientTile<columns>;
    NO_UNROLL for (int v = threadIndexAnew() >> 4; v < columns; v += Tile::threads / 16)
        NO_UNROLL for (int row = 0; row < rows; row++) {
            const int i = threadIndexAnew() & 15, d = d0 + i, column = c0 + v;
            float value = 0.f;
            if (d < p.differences.columns && column < p.headColumns) {
                const int own = p.firstColumn + column;
                const float *alpha = p.alpha.row(firstRow + row) + own * p.headDim;
                const Weight *w = weightsOf<Weight>(p, own) + (p.transposed ? d : (long long)d * p.weightsStride);
                const int step = p.transposed ? p.weightsStride : 1;
                NO_UNROLL for (int k = 0; k < p.headDim; k++) value = __builtin_fmaf(alpha[k], one(w + (long long)k * step), value);
                value *= p.scale[d];
                NO_UNROLL for (int k = 0; k < p.steps; k++) {
                    const long long ofStep = (long long)k * p.rows + firstRow + row;
                    value = __builtin_fmaf(-p.normalizedInputs.row(ofStep)[d], p.stepProducts.row(ofStep)[own], value);
                }
            } else if (d < p.differences.columns && column == p.headColumns && p.mlpGradient.pointer)
                value = p.mlpGradient.row(firstRow + row)[d];
            g[Tile::place(row, i) + v] = value;
        }
}

// Sets products[tile][part][u][column] for the sources of one layer. Block x-index: the pack; y-index: the tile of columns; z-index: the part of d.
// Operations a row: 2·columns·d·(sources + headDim + steps). Bytes: 4·d·sources a row and column tile; for every
// pack W (that of a key or value head once for every query head) and, for every 16 of d, α.
// A thread has 4 sources by TN columns of a tile of 96 sources by 8·TN columns; a warp 16 sources by all columns, and nothing
// to multiply where there are fewer. The differences pass through shared memory a row at a time, while the next ones are on their way.
template <class Weight, int TN> DEVICE void contractTiles(const ContractParameters &p) {
    constexpr int columns = 8 * TN, sourcesOfTile = 96, stride = sourcesOfTile + 4;
    using Tile = GradientTile<columns>;
    static_assert(2 * Tile::threads * 4 == sourcesOfTile * Tile::depth && Tile::threads / 32 * 16 == sourcesOfTile, "two fours of differences a thread, 16 sources a warp");
    __shared__ __attribute__((aligned(16))) float g[Tile::size], differences[Tile::depth * stride];
    const int tile0 = p.packs[p.firstPack + blockX()], firstRow = p.tiles[tile0], rows = p.tiles[p.packs[p.firstPack + blockX() + 1]] - firstRow,
              c0 = blockY() * columns, width = p.differences.columns, from = blockZ() * p.partLength, to = minimum(from + p.partLength, width);
    NO_UNROLL for (int d0 = from; d0 < to; d0 += Tile::depth) {
        if (p.aligned) formGradients<Weight, columns>(p, firstRow, rows, c0, d0, g);
        else formElements<Weight, columns>(p, firstRow, rows, c0, d0, g);

        const int t = threadIndexAnew(), threadRow = t / 32 * 4 + (t >> 3 & 2) + (t & 1), threadColumn = t >> 1 & 7;
        // This thread's fours of the differences, those of source u0 + t/2 in two of four fours of d.
        const int u = t >> 1, k = d0 + (t & 1) * 4;
        const float *at = p.differences.pointer + ((long long)u * p.count + firstRow - p.firstRow) * width + k;
        Float4 next[2];
        auto fetch = [&](int u0) {
            UNROLL for (int half = 0; half < 2; half++) {
                const int valid = u0 + u < p.sources ? width - k - 8 * half : 0;
                next[half] = Float4{0.f, 0.f, 0.f, 0.f};
                if (p.aligned) {
                    if (valid > 0) next[half] = wholeFour(at + 8 * half);
                } else
                    UNROLL for (int j = 0; j < 4; j++)
                        if (j < valid) next[half][j] = at[8 * half + j];
            }
        };
        auto keep = [&] {
            UNROLL for (int half = 0; half < 2; half++)
                UNROLL for (int j = 0; j < 4; j++) differences[((t & 1) * 4 + 8 * half + j) * stride + u] = next[half][j];
        };
        fetch(0);
        for (int u0 = 0; u0 < p.sources; u0 += sourcesOfTile)
            for (int tile = tile0, row = 0; row < rows; tile++) {
                float acc[4][TN] = {};
                const int end = p.tiles[tile + 1] - firstRow;
                NO_UNROLL for (; row < end; row++) {
                    keep();
                    barrier();
                    at += row + 1 < rows ? width : ((long long)sourcesOfTile * p.count - (rows - 1)) * width;
                    fetch(row + 1 < rows ? u0 : u0 + sourcesOfTile);
                    if (u0 + t / 32 * 16 < p.sources) {
                        const float *ofRow = &g[Tile::place(row, 0) + threadColumn * 4], *ofSource = &differences[threadRow * 4];
                        UNROLL for (int i = 0; i < Tile::depth; i++) {
                            const Float4 x = *(const Float4 *)&ofSource[i * stride], y = *(const Float4 *)&ofRow[Tile::place(0, i)];
                            UNROLL for (int m = 0; m < 4; m++)
                                UNROLL for (int n = 0; n < 4; n++) acc[m][n] = __builtin_fmaf(x[m], y[n], acc[m][n]);
                            if (TN == 5) {
                                const float last = g[Tile::place(row, i) + 32 + threadColumn];
                                UNROLL for (int m = 0; m < 4; m++) acc[m][TN - 1] = __builtin_fmaf(x[m], last, acc[m][TN - 1]);
                            }
                        }
                    }
                    barrier();
                }
                const int first = u0 + threadRow * 4;
                float *out = p.products
                    + (((long long)(tile - p.packs[p.firstPack]) * p.parts + blockZ()) * p.productSources + first) * p.productColumns + c0;
                UNROLL for (int m = 0; m < 4; m++, out += p.productColumns) {
                    if (first + m >= p.sources) break;
                    Float4 *four = (Float4 *)(out + threadColumn * 4);
                    const Float4 value = {acc[m][0], acc[m][1], acc[m][2], acc[m][3]};
                    *four = d0 > from ? *four + value : value;
                    if (TN == 5) out[32 + threadColumn] = d0 > from ? out[32 + threadColumn] + acc[m][TN - 1] : acc[m][TN - 1];
                }
            }
    }
}

#define CONTRACT(name, Weight) \
    KERNEL(192, 4) contract_tiles_##name##_32(ContractParameters p) { contractTiles<Weight, 4>(p); } \
    KERNEL(192, 4) contract_tiles_##name##_40(ContractParameters p) { contractTiles<Weight, 5>(p); }

CONTRACT(f32, float)
CONTRACT(bf16, unsigned short)

struct ReduceParameters {
    const float *products;
    Tensor scores;         // [examples × F·N]
    Indices sequenceTiles; // first tile of every example
    int firstSequence, firstTile, tiles; // of the chunk
    int sources, columns, productSources, productColumns, parts;
    int firstColumn, scoreColumns; // of the layer, and N
};

// Adds to the scores of one layer, tile by tile in the order of the rows: the same bits however tiles are put together in packs, chunks
// and micro-batches. A thread an entry, block y-index the example of the chunk. Bytes a tile: 4·parts·sources·columns.
KERNEL(256) reduce_tiles(ReduceParameters p) {
    const int example = p.firstSequence + blockY(), entry = blockX() * 256 + threadIndex(), u = entry / p.columns, column = entry % p.columns;
    if (u >= p.sources) return;
    const int from = maximum(p.sequenceTiles[example], p.firstTile), to = minimum(p.sequenceTiles[example + 1], p.firstTile + p.tiles);
    if (from >= to) return;
    float *score = p.scores.row(example) + (long long)u * p.scoreColumns + p.firstColumn + column, sum = *score;
    const long long ofPart = (long long)p.productSources * p.productColumns;
    const float *product = p.products + (from - p.firstTile) * p.parts * ofPart + (long long)u * p.productColumns + column;
    for (int tile = from; tile < to; tile++) {
        float value = 0.f;
        UNROLL_BY_8 for (int part = 0; part < p.parts; part++, product += ofPart) value += one(product);
        sum += value;
    }
    *score = sum;
}

struct ColumnParameters {
    Tensor differences, gradient, scores; // [F·count × d], [rows × d] or [examples × d], [examples × F·N]
    Indices offsets;
    int firstSequence, firstRow, count, firstSource, sources, column, scoreColumns;
    int lastOnly; // the gradient has one row an example, which is that of its last row
};

// Adds to one column's scores, row by row, what the rows of each example give, or the last one alone. A warp a source, block y-index the example of the chunk.
// Bytes a row: 8·d a source; operations: 2·d.
KERNEL(256) contract_column(ColumnParameters p) {
    const int example = p.firstSequence + blockY(), u = p.firstSource + blockX() * 8 + warp(), end = p.offsets[example + 1];
    const int from = maximum(p.lastOnly ? end - 1 : p.offsets[example], p.firstRow), to = minimum(end, p.firstRow + p.count);
    if (u >= p.firstSource + p.sources || from >= to) return;
    float *score = p.scores.row(example) + (long long)u * p.scoreColumns + p.column, sum = lane() == 0 ? *score : 0.f;
    for (int row = from; row < to; row++) {
        const float *difference = p.differences.row((long long)u * p.count + row - p.firstRow), *gradient = p.gradient.row(p.lastOnly ? example : row);
        float dot = 0.f;
        for (int i = lane(); i < p.gradient.columns; i += 32) dot = __builtin_fmaf(difference[i], gradient[i], dot);
        sum += overWarp<Add>(dot);
    }
    if (lane() == 0) *score = sum;
}
