using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Takes a checkpoint's tensors by name and shape, and keeps account: what is missing or shaped otherwise fails when it is
/// asked for, what nobody asked for fails in <see cref="Verify"/>.
/// </summary>
internal sealed class TensorTable(ShardedCheckpoint checkpoint, ConfigFile config, string inner)
{
    private readonly TensorNames names = new(checkpoint, inner);
    private readonly HashSet<StoredTensor> used = [];
    private readonly HashSet<StoredTensor> ignored = [];

    /// <summary>The settings that say which tensors there are.</summary>
    internal ConfigFile Config => config;

    /// <summary>The files that hold the tensors.</summary>
    internal ShardedCheckpoint Files => checkpoint;

    /// <summary>What the names of all tensors but the unembedding begin with: checkpoints saved from the bare model have nothing there.</summary>
    internal string Root => FirstOf(inner);

    /// <summary>The first of several beginnings that any tensor's name has; the empty one where there is none.</summary>
    internal string FirstOf(params ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (names.AnyStartsWith(prefix)) return prefix;
        }
        return "";
    }

    /// <summary>Lets a tensor be there whose values mean nothing (masks, tables that are computed).</summary>
    internal void Ignore(string name)
    {
        if (names.Find(name) is { } tensor) ignored.Add(tensor);
    }

    /// <summary>The same of all whose names begin so.</summary>
    internal void IgnoreUnder(string prefix) => ignored.UnionWith(names.StartingWith(prefix));

    /// <summary>A vector, read now.</summary>
    internal float[] Vector(string name, int length) => Vectors((name, length));

    /// <summary>Vectors one after the other, read now.</summary>
    internal float[] Vectors(params ReadOnlySpan<(string Name, int Length)> parts)
    {
        var total = 0;
        foreach (var (_, length) in parts) total = checked(total + length);
        var taken = new StoredTensor[parts.Length];
        // Shapes first: nothing is allocated for a vector that config.json alone makes large.
        for (var i = 0; i < parts.Length; i++) taken[i] = Take(parts[i].Name, [parts[i].Length]);
        var result = new float[total];
        var position = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            taken[i].Read(0, result.AsSpan(position, parts[i].Length));
            position += parts[i].Length;
        }
        return result;
    }

    /// <summary>A matrix stored as [in × out], or an embedding [tokens × d].</summary>
    internal MatrixSource Matrix(string name, int rows, int columns) =>
        new StoredMatrix([Take(name, [rows, columns])], storedTransposed: false);

    /// <summary>Matrices stored as [out × in], their outputs one after the other.</summary>
    internal MatrixSource Linear(int inputs, params ReadOnlySpan<(string Name, int Outputs)> parts)
    {
        var taken = new StoredTensor[parts.Length];
        for (var i = 0; i < parts.Length; i++) taken[i] = Take(parts[i].Name, [parts[i].Outputs, inputs]);
        return new StoredMatrix(taken, storedTransposed: true);
    }

    /// <summary>A fused projection [out × in] that is stored by key heads (<see cref="HeadwiseMatrix"/>); its outputs are all queries, then all keys, then all values.</summary>
    internal MatrixSource HeadwiseLinear(int inputs, string name, int heads, int keyHeads, int headDim) =>
        new HeadwiseMatrix(Take(name, [(heads + 2L * keyHeads) * headDim, inputs]), heads, keyHeads, headDim);

    /// <summary>The bias of such a projection, read now.</summary>
    internal float[] HeadwiseVector(string name, int heads, int keyHeads, int headDim)
    {
        var taken = Take(name, [(heads + 2L * keyHeads) * headDim]);
        var result = new float[(heads + 2 * keyHeads) * headDim];
        HeadwiseMatrix.Read(taken, heads, keyHeads, headDim, 1, 0, result.Length, result);
        return result;
    }

    /// <summary>
    /// The embedding and the unembedding [vocabulary × d]: one matrix when tied or stored as one, under either name; of a tied model a
    /// stored copy must be equal.
    /// </summary>
    internal (MatrixSource Embedding, MatrixSource Unembedding) Embeddings(ModelConfig model, string embeddingName, string unembeddingName)
    {
        long[] shape = [model.Vocabulary, model.Width];
        var unembedding = names.Find(unembeddingName);
        var isUnderOtherName = model.TiedEmbedding && names.Find(embeddingName) is null && unembedding is not null;
        var taken = Take(isUnderOtherName ? unembeddingName : embeddingName, shape);
        var embedding = new StoredMatrix([taken], storedTransposed: false);
        if (unembedding == taken || (unembedding is null && model.TiedEmbedding)) return (embedding, embedding);
        var other = Take(unembeddingName, shape);
        if (!model.TiedEmbedding) return (embedding, new StoredMatrix([other], storedTransposed: false));
        if (!TensorScan.Same(other, taken))
        {
            throw new InputException($"{other.File.Path}: tensor {PlainText.Name(other.Name)} differs from {PlainText.Name(taken.Name)}, but tie_word_embeddings makes them one");
        }
        return (embedding, embedding);
    }

    /// <summary>A tensor of a name and a shape, which is accounted for with this.</summary>
    /// <exception cref="InputException">It is missing, shaped otherwise, or stored as something else than floats.</exception>
    internal StoredTensor Take(string name, long[] shape)
    {
        var tensor = names.Find(name)
            ?? throw new InputException($"{checkpoint.Path}: tensor {PlainText.Name(name)} of shape {Wording.Shape(shape)} is missing{names.Hint()}");
        var place = $"{tensor.File.Path}: tensor {PlainText.Name(tensor.Name)}";
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw new InputException($"{place} has shape {Wording.Shape(tensor.Shape)}; config.json makes it {Wording.Shape(shape)}{names.Hint()}");
        }
        if (!tensor.IsReadable) throw new InputException($"{place} is {tensor.TypeName}; weights must be F32, F16 or BF16{(tensor.TypeName is "F64" or "C64" ? "" : $"; {TensorNames.Quantised}")}");
        used.Add(tensor);
        return tensor;
    }

    /// <summary>
    /// Checks that nothing is left over and that every weight is a finite number, and hashes the files in the same pass, which
    /// also brings them into memory.
    /// </summary>
    /// <returns>SHA-256 over a line for each file (name, size, SHA-256 of its contents) in the order of their names.</returns>
    internal string Verify()
    {
        foreach (var file in checkpoint.Files)
        {
            foreach (var tensor in file.Tensors)
            {
                if (!used.Contains(tensor) && !ignored.Contains(tensor))
                {
                    throw new InputException($"{file.Path}: unexpected tensor {PlainText.Name(tensor.Name)} of shape "
                        + $"{Wording.Shape(tensor.Shape)}; config.json describes a model without it{names.Hint()}");
                }
            }
        }

        var files = checkpoint.Files;
        var hashes = new string[files.Count];
        var faults = new InputException?[files.Count];
        Parallel.For(0, files.Count, i =>
        {
            try
            {
                hashes[i] = files[i].HashAndCheck(used.Contains);
            }
            catch (InputException e)
            {
                faults[i] = e;
            }
        });
        checkpoint.RequireUnchanged();
        // The first file's fault, whichever thread came first.
        if (faults.FirstOrDefault(fault => fault is not null) is { } first) throw first;

        var lines = new List<(string Name, long Size, string Hash)> { Entry(config.Path, config.Bytes) };
        if (checkpoint.IndexBytes is { } index) lines.Add(Entry(checkpoint.Path, index));
        for (var i = 0; i < files.Count; i++) lines.Add((Path.GetFileName(files[i].Path), files[i].Length, hashes[i]));
        lines.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        var text = new StringBuilder();
        foreach (var (name, size, hash) in lines) text.Append(CultureInfo.InvariantCulture, $"{name} {size} {hash}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static (string Name, long Size, string Hash) Entry(string path, byte[] bytes) =>
        (Path.GetFileName(path), bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
}
