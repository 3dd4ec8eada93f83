using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The rows of a pass in every layer. All that is special in a last layer is said here and in <see cref="PassLayout"/> (method.md §3,
/// consequence 5): once its keys and values are known, what follows — its queries, its MLP, the stream that they add to, logits — has
/// one row a sequence.
/// </summary>
/// <param name="Layers">L; logits count as layer L.</param>
/// <param name="All">Rows of all sequences.</param>
/// <param name="Sequences">Sequences.</param>
internal readonly record struct Rows(int Layers, int All, int Sequences)
{
    /// <summary>True where a layer goes on with each sequence's last row.</summary>
    public bool IsNarrow(int l) => l >= Layers - 1;

    /// <summary>Rows of a layer's queries, of its MLP and of what they put out.</summary>
    public int Of(int l) => IsNarrow(l) ? Sequences : All;

    /// <summary>A pass over as many copies of the sequences.</summary>
    public Rows Times(int points) => new(Layers, checked(All * points), checked(Sequences * points));

    /// <summary>Of a matrix of a pass over several copies of these rows, the part that belongs to a copy.</summary>
    public Tensor Point(Tensor x, int l, int point) => x.RowRange(point * Of(l), Of(l));

    /// <summary>A matrix for a layer's queries.</summary>
    public Tensor Matrix(Arena arena, int l, int columns) => arena.Matrix(Of(l), columns);

    /// <summary>One for every layer.</summary>
    public Tensor[] Matrices(Arena arena, int columns)
    {
        var matrices = new Tensor[Layers];
        for (var l = 0; l < Layers; l++) matrices[l] = Matrix(arena, l, columns);
        return matrices;
    }
}

/// <summary>A matrix with all rows of a pass, and one with each sequence's last.</summary>
internal readonly record struct RowMatrices(Tensor All, Tensor Last)
{
    /// <summary>Lays out both.</summary>
    public RowMatrices(Arena arena, Rows rows, int columns) : this(arena.Matrix(rows.All, columns), arena.Matrix(rows.Sequences, columns)) { }

    /// <summary>The same memory for a smaller pass.</summary>
    public RowMatrices First(Rows rows) => new(All.RowRange(0, rows.All), Last.RowRange(0, rows.Sequences));

    /// <summary>The one that layer <paramref name="l"/> goes on with.</summary>
    public Tensor Of(Rows rows, int l) => rows.IsNarrow(l) ? Last.RowRange(0, rows.Sequences) : All.RowRange(0, rows.All);
}
