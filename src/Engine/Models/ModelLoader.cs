namespace Faith.Engine.Models;

/// <summary>Reads a model from a directory in Hugging Face layout: config.json and weights.</summary>
public static class ModelLoader
{
    /// <summary>
    /// Opens a model. All its tensors are accounted for and scanned once; its matrices stay in the files and are read on demand until
    /// the result is disposed.
    /// </summary>
    /// <exception cref="InputException">
    /// The directory or a file is missing or malformed, the model is of a kind that is not supported, a tensor is missing,
    /// unexpected or of the wrong shape, a weight is not a finite number, or an adapter lies beside the model.
    /// </exception>
    public static ModelWeights Load(string directory)
    {
        if (!Directory.Exists(directory)) throw new InputException($"{directory}: no such directory");
        var file = ConfigFile.Read(ConfigFile.PathIn(directory) ?? Path.Combine(directory, "config.json"));
        if (file.Section("quantization_config") is { } quantised)
        {
            throw file.Bad($"quantization_config{(quantised.Text("quant_method") is { } method ? $" of {PlainText.Name(method)}" : "")}: {TensorNames.Quantised}; if the weights are floats, take the key out");
        }
        var family = ModelFamily.Of(file);
        var config = family.ReadConfig(file);
        var checkpoint = ShardedCheckpoint.Open(directory);
        try
        {
            ForeignModel.RequireNoAdapter(directory);
            return family.ReadWeights(config, new TensorTable(checkpoint, file, family.Inner));
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }
}
