using System.Text;

namespace Faith.Engine.Reports;

/// <summary>
/// Ways for edges around the nodes between their ends. In every row that an edge passes, it goes through one of the lanes
/// between the boxes; a shortest-path search over the lanes finds the straightest way, a little dearer where others went before,
/// so that edges spread. The way is then drawn as one smooth curve.
/// </summary>
internal sealed class EdgeRouter
{
    // Clear of a box by this much; lanes at least this far apart; further lanes beside the widest row.
    private const double Clearance = 11, LaneWidth = 6, Outside = 90;
    // Edges beyond this rank are too faint and too many to be worth a search.
    private const int MostRouted = 600;

    private readonly CircuitLayout layout;
    private readonly Dictionary<int, int> rowOf = [];
    private readonly double[] lanes;
    private readonly bool[][] free;
    private readonly double[][] used;

    public EdgeRouter(CircuitLayout layout)
    {
        this.layout = layout;
        var step = Math.Max(LaneWidth, (layout.Width + 2 * Outside) / 180);
        lanes = [.. Enumerable.Range(0, (int)((layout.Width + 2 * Outside) / step) + 1).Select(i => i * step - Outside)];
        free = [.. layout.Rows.Select(row => Array.ConvertAll(lanes, x => row.TrueForAll(b => x < b.Left - Clearance || x > b.Right + Clearance)))];
        used = [.. layout.Rows.Select(_ => new double[lanes.Length])];
        for (var r = 0; r < layout.Rows.Count; r++)
        {
            foreach (var box in layout.Rows[r]) rowOf.Add(box.Node, r);
        }
    }

    /// <summary>Path data for each edge, in the order given (strongest first: they get the straightest ways).</summary>
    public string[] Route(IReadOnlyList<DrawnEdge> edges, CancellationToken cancellation = default)
    {
        var (starts, ends) = (Attach(edges, atSource: true), Attach(edges, atSource: false));
        var paths = new string[edges.Count];
        for (var i = 0; i < edges.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var edge = edges[i];
            var from = (starts[i], layout.Boxes[edge.Source].Top);
            var to = (ends[i], layout.Boxes[edge.Target].Bottom);
            var way = i < MostRouted ? Way(from, to, rowOf[edge.Source] + 1, rowOf[edge.Target]) : [from, to];
            paths[i] = Data(Clear(way, rowOf[edge.Source] + 1));
        }
        return paths;
    }

    // Where along a box its edges leave or enter: side by side, in the order of the directions they go. Heads have fixed ports.
    private double[] Attach(IReadOnlyList<DrawnEdge> edges, bool atSource)
    {
        var x = new double[edges.Count];
        foreach (var group in Enumerable.Range(0, edges.Count).GroupBy(i => atSource ? edges[i].Source : edges[i].Target))
        {
            var box = layout.Boxes[group.Key];
            if (!atSource && box.IsHead)
            {
                foreach (var i in group) x[i] = box.X + NodeBox.PortOffset(edges[i].Kind);
                continue;
            }
            var ordered = group.OrderBy(i => Direction(box, edges[i])).ThenBy(i => edges[i].Id).ToArray();
            var room = Math.Min(box.Width - 16, ordered.Length * 9);
            for (var k = 0; k < ordered.Length; k++) x[ordered[k]] = box.X + room * ((k + 0.5) / ordered.Length - 0.5);
        }
        return x;

        double Direction(NodeBox box, DrawnEdge edge)
        {
            var other = layout.Boxes[atSource ? edge.Target : edge.Source];
            var port = atSource && other.IsHead ? NodeBox.PortOffset(edge.Kind) : 0;
            return Math.Atan2(other.X + port - box.X, Math.Abs(other.Y - box.Y));
        }
    }

    private List<(double X, double Y)> Way((double X, double Y) from, (double X, double Y) to, int firstRow, int endRow)
    {
        var way = new List<(double X, double Y)> { from };
        var rows = endRow - firstRow;
        if (rows > 0)
        {
            var best = Search(from, to, firstRow, rows);
            for (var r = 0; r < rows; r++) way.Add((lanes[best[r]], layout.Rows[firstRow + r][0].Y));
            for (var r = 0; r < rows; r++) Occupy(firstRow + r, best[r]);
        }
        way.Add(to);
        if (rows > 0) Straighten(way, firstRow);
        return way;
    }

    private int[] Search((double X, double Y) from, (double X, double Y) to, int firstRow, int rows)
    {
        var cost = new double[lanes.Length];
        var came = new int[rows][];
        for (var r = 0; r < rows; r++)
        {
            var y = layout.Rows[firstRow + r][0].Y;
            var next = new double[lanes.Length];
            came[r] = new int[lanes.Length];
            var previousY = r == 0 ? from.Y : layout.Rows[firstRow + r - 1][0].Y;
            for (var lane = 0; lane < lanes.Length; lane++)
            {
                next[lane] = double.PositiveInfinity;
                if (!free[firstRow + r][lane]) continue;
                var toll = used[firstRow + r][lane];
                if (r == 0)
                {
                    next[lane] = toll + Bend(lanes[lane] - from.X, previousY - y);
                    continue;
                }
                for (var p = 0; p < lanes.Length; p++)
                {
                    var total = cost[p] + toll + Bend(lanes[lane] - lanes[p], previousY - y);
                    if (total < next[lane]) (next[lane], came[r][lane]) = (total, p);
                }
            }
            cost = next;
        }
        var last = 0;
        var least = double.PositiveInfinity;
        var lastY = layout.Rows[firstRow + rows - 1][0].Y;
        for (var lane = 0; lane < lanes.Length; lane++)
        {
            var total = cost[lane] + Bend(to.X - lanes[lane], lastY - to.Y);
            if (total < least) (least, last) = (total, lane);
        }
        var best = new int[rows];
        for (var r = rows - 1; r >= 0; r--) (best[r], last) = (last, came[r][last]);
        return best;

        // Quadratic: the sum over rows is least for a straight line.
        static double Bend(double dx, double dy) => dx * dx / (dy + 10);
    }

    private void Occupy(int row, int lane)
    {
        for (var d = -1; d <= 1; d++)
        {
            if (lane + d >= 0 && lane + d < lanes.Length) used[row][lane + d] += d == 0 ? 4 : 1.5;
        }
    }

    // Lanes are steps; between them a way may relax towards a straight line as long as it stays clear of the boxes.
    private void Straighten(List<(double X, double Y)> way, int firstRow)
    {
        for (var round = 0; round < 8; round++)
        {
            for (var i = 1; i < way.Count - 1; i++)
            {
                var (a, b, c) = (way[i - 1], way[i], way[i + 1]);
                var straight = a.X + (c.X - a.X) * (b.Y - a.Y) / (c.Y - a.Y);
                var x = b.X + 0.5 * Math.Clamp(straight - b.X, -LaneWidth, LaneWidth);
                if (layout.Rows[firstRow + i - 1].TrueForAll(box => x < box.Left - Clearance || x > box.Right + Clearance)) way[i] = (x, b.Y);
            }
        }
    }

    /// <summary>A piece of a curve: a cubic from a to b with tangents towards its controls.</summary>
    private readonly record struct Piece(
        (double X, double Y) A,
        (double X, double Y) ControlA,
        (double X, double Y) ControlB,
        (double X, double Y) B);

    // How a curve goes through a row: in the direction of its way, upright in the middle of the row, or upright all through it.
    private enum Passage
    {
        Free,
        UprightAtMiddle,
        Upright,
    }

    // Where the curve cuts the corner of a box on its way through a row, it goes through that row in a stricter way.
    private List<Piece> Clear(List<(double X, double Y)> way, int firstRow)
    {
        var passages = new Passage[way.Count];
        while (true)
        {
            var pieces = Curve(way, passages);
            var done = true;
            for (var i = 1; i < way.Count - 1; i++)
            {
                if (passages[i] == Passage.Upright || !layout.Rows[firstRow + i - 1].Exists(box => pieces.Exists(p => Touches(p, box)))) continue;
                passages[i]++;
                done = false;
            }
            if (done) return pieces;
        }
    }

    private static List<Piece> Curve(List<(double X, double Y)> way, Passage[] passages)
    {
        const double half = NodeBox.Height / 2 + 1;
        var pieces = new List<Piece>(way.Count);
        // The ends leave and enter upright.
        var (at, slope) = (way[0], 0.0);
        for (var i = 1; i < way.Count; i++)
        {
            if (passages[i] == Passage.Upright)
            {
                (double X, double Y) below = (way[i].X, way[i].Y + half), above = (way[i].X, way[i].Y - half);
                pieces.Add(Join(at, slope, below, 0));
                pieces.Add(Join(below, 0, above, 0));
                (at, slope) = (above, 0);
                continue;
            }
            var next = i == way.Count - 1 || passages[i] != Passage.Free ? 0 : Slope(way[i - 1], way[i + 1]);
            pieces.Add(Join(at, slope, way[i], next));
            (at, slope) = (way[i], next);
        }
        return pieces;
    }

    private static Piece Join((double X, double Y) a, double slopeA, (double X, double Y) b, double slopeB)
    {
        var reach = (b.Y - a.Y) * 0.45;
        return new(a, (a.X + slopeA * reach, a.Y + reach), (b.X - slopeB * reach, b.Y - reach), b);
    }

    // dx/dy along a way, if not too flat.
    private static double Slope((double X, double Y) before, (double X, double Y) after) =>
        Math.Clamp((after.X - before.X) / (after.Y - before.Y), -0.5, 0.5);

    private static bool Touches(Piece piece, NodeBox box)
    {
        for (var t = 0.0; t <= 1; t += 0.05)
        {
            double a = (1 - t) * (1 - t) * (1 - t), b = 3 * t * (1 - t) * (1 - t), c = 3 * t * t * (1 - t), d = t * t * t;
            var x = a * piece.A.X + b * piece.ControlA.X + c * piece.ControlB.X + d * piece.B.X;
            var y = a * piece.A.Y + b * piece.ControlA.Y + c * piece.ControlB.Y + d * piece.B.Y;
            if (x > box.Left && x < box.Right && y > box.Top && y < box.Bottom) return true;
        }
        return false;
    }

    private static string Data(List<Piece> pieces)
    {
        var path = new StringBuilder($"M{Pair(pieces[0].A)}");
        foreach (var piece in pieces) path.Append($"C{Pair(piece.ControlA)} {Pair(piece.ControlB)} {Pair(piece.B)}");
        return path.ToString();

        static string Pair((double X, double Y) p) => $"{SvgText.Number(p.X)} {SvgText.Number(p.Y)}";
    }
}
