using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Faith.Kernels.Host;

/// <summary>
/// The single-threaded pieces of a matrix product (Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication"):
/// rows of x are packed into tiles, and a tile times a panel is done in registers. An element of the
/// result is a sum over ascending k in blocks that depend on the depth alone, so its bits do not depend on the other rows.
/// </summary>
internal sealed unsafe partial class MatrixKernels
{
    /// <summary>Longest block of k: a tile of it and a panel of it stay in the second-level cache.</summary>
    internal const int MaxDepth = 768;

    /// <summary>Rows whose packed block stays in the second-level cache beside a panel.</summary>
    const int MaxRows = 288;

    readonly nint[] single, half;

    /// <summary>The kernels of a register width.</summary>
    public MatrixKernels(SimdWidth width)
    {
        (single, half, Lanes) = width switch
        {
            SimdWidth.V512 => (Single512(), Half512(), 16),
            SimdWidth.V256 => (Single256(), Half256(), 8),
            _ => (Single128(), Half128(), 4),
        };
    }

    /// <summary>Floats in a register.</summary>
    public int Lanes { get; }

    /// <summary>Most rows of a tile.</summary>
    public int TileRows => single.Length - 1;

    /// <summary>Floats of scratch memory a thread needs for <see cref="Multiply"/>: a tile at the edge of the result, and an unpacked panel.</summary>
    public int ScratchFloats => EdgeFloats + UnpackedPanel.Floats;

    int EdgeFloats => TileRows * PackedMatrix.PanelColumns;

    /// <summary>Even blocks of k for a depth.</summary>
    public static int BlockDepth(int depth)
    {
        var blocks = (depth + MaxDepth - 1) / MaxDepth;
        return blocks <= 1 ? depth : ((depth + blocks - 1) / blocks + 7) & ~7;
    }

    /// <summary>Rows split evenly into tiles, and tiles into blocks for the cache.</summary>
    public readonly struct Tiling
    {
        readonly int rows, shortest, longer;

        public Tiling(int rows, int tileRows)
        {
            this.rows = rows;
            Tiles = (rows + tileRows - 1) / tileRows;
            if (Tiles == 0) return;
            (shortest, longer) = Math.DivRem(rows, Tiles);
            Blocks = (rows + MaxRows - 1) / MaxRows;
            BlockTiles = (Tiles + Blocks - 1) / Blocks;
        }

        public int Tiles { get; }
        public int Blocks { get; }
        public int BlockTiles { get; }

        /// <summary>First row of a tile.</summary>
        public int Start(int tile) => tile * shortest + Math.Min(tile, longer);

        /// <summary>Where block k of a tile stands in the packed rows: blocks one after another, in each the tiles, in each [depth][rows].</summary>
        public long Offset(int tile, int k, int depth) => (long)k * rows + (long)Start(tile) * depth;
    }

    /// <summary>The tiling of a number of rows.</summary>
    public Tiling Split(int rows) => new(rows, TileRows);

    /// <summary>Packs the rows of tiles [from, to).</summary>
    public static void PackRows(RawTensor x, in Tiling tiling, float* packed, int from, int to)
    {
        var block = BlockDepth(x.Columns);
        for (var k = 0; k < x.Columns; k += block)
        {
            var depth = Math.Min(block, x.Columns - k);
            for (var t = from; t < to; t++)
            {
                var start = tiling.Start(t);
                PackTile(x.Row(start) + k, x.Stride, tiling.Start(t + 1) - start, depth, packed + tiling.Offset(t, k, depth), tiling.Start(t + 1) - start);
            }
        }
    }

    /// <summary>packed[k·pitch + r] = x[r, k].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTile(float* x, nint stride, int rows, int depth, float* packed, nint pitch)
    {
        if (rows < 4 || !Sse.IsSupported)
        {
            for (var r = 0; r < rows; r++)
                for (var k = 0; k < depth; k++) packed[k * pitch + r] = x[r * stride + k];
            return;
        }
        for (var next = 0; next < rows; next += 4)
        {
            var r = Math.Min(next, rows - 4); // the last group may overlap the one before
            float* from = x + r * stride, to = packed + r;
            var k = 0;
            for (; k <= depth - 4; k += 4, from += 4, to += 4 * pitch)
            {
                Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + stride), c = Vector128.Load(from + 2 * stride), d = Vector128.Load(from + 3 * stride);
                Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d), ab2 = Sse.UnpackHigh(a, b), cd2 = Sse.UnpackHigh(c, d);
                Sse.MoveLowToHigh(ab, cd).Store(to);
                Sse.MoveHighToLow(cd, ab).Store(to + pitch);
                Sse.MoveLowToHigh(ab2, cd2).Store(to + 2 * pitch);
                Sse.MoveHighToLow(cd2, ab2).Store(to + 3 * pitch);
            }
            for (; k < depth; k++, from++, to += pitch)
                for (var i = 0; i < 4; i++) to[i] = from[i * stride];
        }
    }

    /// <summary>What <see cref="Multiply"/> computes: y (= or +=) packed rows · w[k0 …, n0 …] + bias.</summary>
    public readonly record struct Product(PackedSide W, Tiling Tiling, nint Packed, int Depth, int K0, int N0, RawTensor Y, nint Bias, bool Add)
    {
        /// <summary>First panel that holds a column of the result.</summary>
        public int FirstPanel => N0 / PackedMatrix.PanelColumns;

        /// <summary>Panels that hold columns of the result.</summary>
        public int Panels => (N0 + Y.Columns + PackedMatrix.PanelColumns - 1) / PackedMatrix.PanelColumns - FirstPanel;
    }

    /// <summary>The product for tiles [tile, tileEnd) and panels [panel, panelEnd) counted from <see cref="Product.FirstPanel"/>.</summary>
    /// <param name="scratch"><see cref="ScratchFloats"/> floats of this thread.</param>
    /// <param name="next">The panel that this thread is likely to be given afterwards.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(in Product p, int tile, int tileEnd, int panel, int panelEnd, float* scratch, int next = int.MaxValue)
    {
        float* edge = scratch, unpacked = scratch + EdgeFloats;
        var isDirect = p.W.IsDirect;
        var kernels = isDirect && p.W.Matrix.IsHalf ? half : single;
        int block = BlockDepth(p.Depth), wide = 2 * Lanes;
        nint stride = p.Y.Stride;
        for (var k = 0; k < p.Depth; k += block)
        {
            var depth = Math.Min(block, p.Depth - k);
            var bias = k == 0 ? (float*)p.Bias : null;
            var add = p.Add || k > 0;
            for (var q = panel; q < panelEnd; q++)
            {
                var (nextPanel, nextK) = q + 1 < panelEnd ? (q + 1, k) : k + block < p.Depth ? (panel, k + block) : (next, 0);
                var singles = isDirect ? null : UnpackedPanel.Of(p.W, p.FirstPanel + q, p.K0 + k, depth, unpacked);
                for (var column = 0; column < PackedMatrix.PanelColumns; column += wide)
                {
                    var first = (p.FirstPanel + q) * PackedMatrix.PanelColumns + column - p.N0; // column of y
                    if (first >= p.Y.Columns || first + wide <= 0) continue;
                    var w = isDirect ? p.W.Matrix.Panel(p.FirstPanel + q, p.K0 + k, column) : singles + column;
                    var whole = first >= 0 && first + wide <= p.Y.Columns;
                    for (var t = tile; t < tileEnd; t++)
                    {
                        var ahead = isDirect || column > 0 || nextPanel >= p.Panels ? new(w) : UnpackedPanel.Ahead(p.W, p.FirstPanel + nextPanel, p.K0 + nextK, t - tile, w);
                        int start = p.Tiling.Start(t), rows = p.Tiling.Start(t + 1) - start;
                        var kernel = (delegate*<float*, void*, float*, nint, nint, float*, bool, Ahead*, void>)kernels[rows];
                        var x = (float*)p.Packed + p.Tiling.Offset(t, k, depth);
                        if (whole)
                        {
                            kernel(x, w, p.Y.Row(start) + first, stride, depth, bias == null ? null : bias + first, add, &ahead);
                            continue;
                        }
                        kernel(x, w, edge, wide, depth, null, false, &ahead);
                        Merge(edge, wide, first, p.Y, start, rows, bias, add);
                    }
                }
            }
        }
    }

    /// <summary>Adds those columns of a computed tile that belong to y, in the order in which a kernel would.</summary>
    static void Merge(float* tile, int wide, int first, RawTensor y, int start, int rows, float* bias, bool add)
    {
        int from = Math.Max(0, -first), to = Math.Min(wide, y.Columns - first);
        for (var r = 0; r < rows; r++)
        {
            var row = y.Row(start + r) + first;
            for (var c = from; c < to; c++)
            {
                var value = tile[r * wide + c];
                if (bias != null) value += bias[first + c];
                row[c] = add ? value + row[c] : value;
            }
        }
    }
}
