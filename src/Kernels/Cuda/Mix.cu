// The inputs of a circuit's nodes: sums of the sources that the circuit keeps.
#include "prelude.cuh"

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
