using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>What an operation does with one element: <see cref="Load"/> computes, <see cref="Store"/> writes.</summary>
/// <typeparam name="P">The operands.</typeparam>
/// <typeparam name="V">What is computed.</typeparam>
internal interface IElementwise<P, V> where P : struct where V : struct
{
    /// <summary>Rows and columns that are gone through.</summary>
    static abstract int Rows(in P p);
    static abstract int Columns(in P p);
    static abstract V Load(in P p, int row, int column);
    static abstract void Store(in P p, int row, int column, V value);
}

/// <summary>Two numbers.</summary>
internal struct Pair(float first, float second)
{
    public float First = first, Second = second;
}

/// <summary>
/// The loop over elements. All operations that are made of it are bound by memory: bytes are those of the operands read and written once, a few
/// operations an element. Blocks of 256 threads; a thread takes four columns 256 apart and loads all of them before it stores the
/// first, so that four loads are under way at once. Block x-index: 1024 columns; y-index: the row.
/// </summary>
internal static class ElementLoop
{
    public const int Threads = 256, ColumnsOfBlock = 1024;

    /// <summary>The kernel of an operation, named by what it does with an element, and of what numbers where there are several kinds.</summary>
    public static class Of<T, P, V> where T : struct, IElementwise<P, V> where P : struct where V : struct
    {
        public static GpuKernel<P> Kernel { get; } = new(NameOf(typeof(T)), Loop<T, P, V>, Threads);
    }

    private static string NameOf(Type operation) => !operation.IsGenericType ? operation.Name
        : operation.GetGenericTypeDefinition() == typeof(Each<>) ? operation.GenericTypeArguments[0].Name
        : $"{operation.Name[..operation.Name.IndexOf('`', StringComparison.Ordinal)]}.{operation.GenericTypeArguments[0].Name}";

    public static void Loop<T, P, V>(P p) where T : struct, IElementwise<P, V> where P : struct where V : struct
    {
        int rows = T.Rows(p), columns = T.Columns(p);
        for (var row = Grid.IdxY; row < rows; row += Grid.DimY)
            for (var start = (long)Grid.IdxX * ColumnsOfBlock + Group.IdxX; start < columns; start += (long)Grid.DimX * ColumnsOfBlock)
            {
                var first = (int)start;
                bool second = start + 256 < columns, third = start + 512 < columns, fourth = start + 768 < columns;
                V a = T.Load(p, row, first), b = default, c = default, d = default;
                if (second) b = T.Load(p, row, first + 256);
                if (third) c = T.Load(p, row, first + 512);
                if (fourth) d = T.Load(p, row, first + 768);
                T.Store(p, row, first, a);
                if (second) T.Store(p, row, first + 256, b);
                if (third) T.Store(p, row, first + 512, c);
                if (fourth) T.Store(p, row, first + 768, d);
            }
    }
}
