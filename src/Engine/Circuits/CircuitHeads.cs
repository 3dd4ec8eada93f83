using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// The heads of circuits: their queries, keys and values are the corrupted run's, but where edges of a circuit feed them the projection of
/// the mixed input (<see cref="NodeDifferences"/>); then norm and rotation, attention and W_O, of which the corrupted run's part is taken away.
/// </summary>
internal sealed class CircuitHeads
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly PrefixCache prefix;
    private readonly CorruptedRun corrupted;
    private readonly NodeDifferences differences;
    private readonly RowMatrices query;
    private readonly RowMatrices context;
    private readonly Tensor key;
    private readonly Tensor value;
    private readonly Tensor normalizers;

    public CircuitHeads(Transformer model, Arena arena, PassLayout layout, PrefixCache prefix, CorruptedRun corrupted, NodeDifferences differences)
    {
        (this.model, this.layout, this.prefix, this.corrupted, this.differences) = (model, layout, prefix, corrupted, differences);
        var (c, rows) = (model.Config, layout.Rows);
        query = new RowMatrices(arena, rows, c.QueryWidth);
        context = new RowMatrices(arena, rows, c.QueryWidth);
        key = arena.Matrix(rows.All, c.QueryWidth);
        value = arena.Matrix(rows.All, c.QueryWidth);
        normalizers = arena.Matrix(rows.All, 2 * c.Heads);
    }

    /// <summary>
    /// Computes heads of layer l from place <paramref name="start"/> on, at most as many as a layer has and only those that are normed together;
    /// those needed on all rows come first. Returns how many.
    /// </summary>
    public int Run(int l, CircuitProgram program, int start, int end)
    {
        var (device, attention, ofCorrupted) = (model.Device, model.AttentionBlock(l), corrupted.Projected(l));
        ProgramNode[] nodes = [.. program.Nodes.Skip(start).Take(Math.Min(model.Config.Heads, end - start)).TakeWhile(node => node.Group == program.Nodes[start].Group)];
        var count = nodes.Length;

        if (model.HasJoinedHeads) attention.CopyHeads(ofCorrupted.Key, key);
        for (var i = 0; i < count; i++)
        {
            var shared = Head(nodes[i]) / model.Config.Group;
            if (!model.HasJoinedHeads) device.Copy(Columns(ofCorrupted.Key, shared, 1), Columns(key, i, 1));
            device.Copy(Columns(ofCorrupted.Value, shared, 1), Columns(value, Column(nodes, i), 1));
        }
        Project(l, true, corrupted.Layer(l, true).AttentionStream, nodes, 0, count, [(InputKind.Key, key), (InputKind.Value, value)]);
        if (model.HasJoinedHeads) attention.FinishCopies(key, layout.Angles);
        else
        {
            var keys = Columns(key, 0, count);
            attention.Finish(InputKind.Key, keys, layout.Angles, keys, heads: [.. nodes.Select(node => Head(node) / model.Config.Group)]);
        }

        var everywhere = nodes.Count(node => node.OnAllRows);
        if (everywhere > 0) Attend(l, true, nodes, 0, everywhere);
        if (everywhere < count) Attend(l, false, nodes, everywhere, count - everywhere);
        for (var i = 0; i < count; i++)
        {
            var allRows = i < everywhere;
            attention.HeadOutput(Columns(allRows ? context.All : context.Last, Column(nodes, i), 1), Head(nodes[i]), differences.At(start + i, allRows), add: false);
            differences.Finish(nodes[i], start + i);
        }
        return count;
    }

    /// <summary>The contexts of some nodes minus the corrupted run's: their queries mixed, projected, normed and rotated, then attention.</summary>
    private void Attend(int l, bool allRows, ProgramNode[] nodes, int start, int count)
    {
        var (device, attention, ofCorrupted) = (model.Device, model.AttentionBlock(l), corrupted.Layer(l, allRows));
        var (q, z) = allRows ? (query.All, context.All) : (query.Last, context.Last);
        Runs neighbours = new(start, count, i => AreNeighbours(nodes, i));
        if (model.HasJoinedHeads) device.Copy(ofCorrupted.Query, q);
        else foreach (var (first, heads) in neighbours) device.Copy(Columns(ofCorrupted.Query, Head(nodes[first]), heads), Columns(q, first, heads));
        Project(l, allRows, ofCorrupted.AttentionStream, nodes, start, count, [(InputKind.Query, q)]);
        var queries = model.HasJoinedHeads ? q : Columns(q, start, count);
        attention.Finish(InputKind.Query, queries, allRows ? layout.Angles : layout.LastAngles, queries, heads: model.HasJoinedHeads ? [] : [.. nodes.Skip(start).Take(count).Select(Head)]);
        // One operation can address in the prefix: neighbours' keys, one shared head's, or where there is no prefix none; and biases of neighbours.
        var (group, keptTogether) = (model.Config.Group, model.HasJoinedHeads || model.Config.Alibi is not null);
        Runs together = prefix.Keys[l].IsNone ? new(start, count, i => !keptTogether || AreNeighbours(nodes, i))
            : group == 1 ? neighbours
            : new(start, count, i => Head(nodes[i]) / group == Head(nodes[i - 1]) / group && (!keptTogether || AreNeighbours(nodes, i)));
        foreach (var (first, heads) in together)
        {
            var (keyHead, keyHeads) = group == 1 ? (Head(nodes[first]), heads) : (Head(nodes[first]) / group, 1);
            var column = Column(nodes, first);
            attention.AttendCopies(allRows ? layout.All : layout.Last, Columns(q, column, heads), Columns(key, column, heads), Columns(value, column, heads),
                Columns(prefix.Keys[l], keyHead, keyHeads), Columns(prefix.Values[l], keyHead, keyHeads), Columns(z, column, heads),
                normalizers.RowRange(0, q.Rows).ColumnRange(2 * column, 2 * heads), Head(nodes[first]));
        }
        foreach (var (first, heads) in neighbours) device.AddScaled(Columns(ofCorrupted.Context, Head(nodes[first]), heads), -1, Columns(z, Column(nodes, first), heads));
    }

    /// <summary>Projects the mixed inputs of all fed columns of some nodes into their places; columns with equal in-edges share one mixture and norm.</summary>
    private void Project(int l, bool allRows, Tensor stream, ProgramNode[] nodes, int start, int count, ReadOnlySpan<(InputKind Kind, Tensor To)> kinds)
    {
        var (c, attention) = (model.Config, model.AttentionBlock(l));
        var columns = new List<(InputKind Kind, int Place, Tensor To)>();
        foreach (var (kind, to) in kinds)
        {
            for (var i = start; i < start + count; i++)
            {
                if (nodes[i].Inputs((int)kind).Length > 0) columns.Add((kind, i, to));
            }
        }
        if (columns.Count == 0) return;
        var inputs = columns.GroupBy(column => nodes[column.Place].Inputs((int)column.Kind), ListComparer.Instance).Select(g => (g.Key, Columns: g.ToArray())).ToArray();
        int[][] lists = [.. inputs.Select(input => input.Key)];
        for (int from = 0, taken; from < lists.Length; from += taken)
        {
            taken = differences.Fit(allRows, lists.AsSpan(from));
            var products = new List<MixedProduct>();
            for (var input = 0; input < taken; input++)
            {
                var readers = inputs[from + input].Columns;
                // Neighbours here and in the model are one product; shared key heads stay apart.
                foreach (var (first, heads) in new Runs(0, readers.Length, i => readers[i].Kind == readers[i - 1].Kind && readers[i].Place == readers[i - 1].Place + 1
                    && AreNeighbours(nodes, readers[i].Place) && (readers[i].Kind == InputKind.Query || c.Group == 1)))
                {
                    var (kind, place, to) = readers[first];
                    var column = attention.ColumnOf(kind, Head(nodes[place]));
                    products.Add(new(input, column, Columns(to, Column(nodes, place), heads), attention.Bias(column, heads * c.HeadDim)));
                }
            }
            attention.ProjectMixed(differences.Mix(stream, allRows, lists.AsSpan(from, taken), attention.Norm), [.. products], differences.Mixed);
        }
    }

    /// <summary>Where a node's columns stand: after those of the node before it, or among those of all heads where these are normed together.</summary>
    private int Column(ProgramNode[] nodes, int place) => model.HasJoinedHeads ? Head(nodes[place]) : place;

    private int Head(ProgramNode node) => model.Graph.PlaceOf(node.Source).Head;

    private bool AreNeighbours(ProgramNode[] nodes, int place) => Head(nodes[place]) == Head(nodes[place - 1]) + 1;

    private Tensor Columns(Tensor x, int firstHead, int heads) => x.IsNone ? x : x.ColumnRange(firstHead * model.Config.HeadDim, heads * model.Config.HeadDim);
}
