from spaces.single_path_se.space import SinglePathSe as SinglePathSe
